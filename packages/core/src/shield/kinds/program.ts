/** Pieces of programs: commands, queries, markup, formulas, paths. Prose has brackets and semicolons too, but not in these places. */
import {
  codeAt,
  containsAny,
  countAny,
  includes,
  isAny,
  isDigit,
  isLetter,
  isOneOf,
  isSpace,
  pieces,
  sizeOf,
  startsWith,
  type TextSpan,
} from '../text-span.ts'

const list = (words: string): readonly string[] => words.split(' ')
/** Signs that prose doesn't have, wherever they stand. */
const SIGNS = list('{ } \\ ` => == != <= >= && || ++ += -= :: () [] </ /> <! ${ ;; := $( #! /* */')
/** First words of command lines that are no words of prose. */
const COMMANDS = list(
  'git npm npx yarn pnpm python python3 pip pip3 docker kubectl sudo cd ls mkdir rmdir rm cp mv chmod chown grep sed awk ' +
    'curl wget ssh scp apt apt-get brew systemctl journalctl terraform helm psql cat ps pwd ipconfig',
)
/** First words of statements that are hardly words of prose. */
const STATEMENTS = list('const def func fn elif typedef println printf var struct enum async await #include #define')
/** First words of statements and of prose: a sign of a program must follow. */
const SHARED = list(
  'if for while let return class import export from function public private static try except else switch case with',
)
const NO_EXTENSIONS = list('pdf doc docx odt xls xlsx ods ppt pptx csv txt zip jpg jpeg png gif mp3 mp4 eml msg')

export function isProgram(text: TextSpan): boolean {
  if (SIGNS.some((sign) => includes(text, sign))) return true
  if (isFormula(text) || isCommand(text) || isStatement(text) || isQuery(text) || isAssignment(text)) return true
  const words = [...pieces(text, isSpace)]
  if (words.some((word) => isFlag(word, text) || isPath(word) || isCall(word) || isIdentifier(word))) return true
  // `@media (…)`: a rule of a style sheet.
  if (startsWith(text, '@') && containsAny(text, '(')) return true
  if (startsWith(text, '//') || startsWith(text, '<!') || isTag(text)) return true
  if (hasVariable(text)) return true
  return countAny(text, '[]<>^~|') * 8 >= sizeOf(text)
}

/** `=sum(b1:b9)`, `=a1+b2`. */
function isFormula(text: TextSpan): boolean {
  const next = codeAt(text, text.start + 1)
  return codeAt(text, text.start) === 0x3d && (isLetter(next) || isDigit(next) || isAny(next, '($-'))
}

function isCommand(text: TextSpan): boolean {
  const words = [...pieces(text, isSpace)]
  const [first, second] = words
  if (first === undefined || second === undefined || !isOneOf(first, COMMANDS)) return false
  // Some commands are words of prose too; a full stop or a question mark ends prose.
  return !isAny(codeAt(text, text.end - 1), '?!') && !(words.length > 3 && codeAt(text, text.end - 1) === 0x2e)
}

function isStatement(text: TextSpan): boolean {
  const words = [...pieces(text, isSpace)]
  const [first, second, third] = words
  if (first === undefined || second === undefined) return false
  if (isOneOf(first, STATEMENTS)) return true
  const last = codeAt(text, text.end - 1)
  if (last === 0x3b && containsAny(text, '=(:')) return true
  if (!isOneOf(first, SHARED)) return false
  const imports = third !== undefined && words.some((word, i) => i > 1 && isOneOf(word, ['import']))
  const renames = words.length === 4 && isOneOf(first, ['import']) && isOneOf(third ?? second, ['as', 'from'])
  const exports = isOneOf(first, ['export']) && isOneOf(second, ['default', 'const', 'function', 'class'])
  return (
    imports ||
    renames ||
    exports ||
    last === 0x3b ||
    (last === 0x3a && words.length < 12) ||
    containsAny(text, '=<>[]+*')
  )
}

/** SQL: a verb, and the word that goes with it. */
function isQuery(text: TextSpan): boolean {
  const words = [...pieces(text, (code) => isSpace(code) || isAny(code, ';()'))]
  const has = (word: string) => words.some((candidate) => isOneOf(candidate, [word]))
  const [first] = words
  if (first === undefined || words.length < 3) return false
  if (isOneOf(first, ['select']))
    return has('from') && (has('where') || has('limit') || has('order') || has('join') || containsAny(text, '*;_,.'))
  if (isOneOf(first, ['insert'])) return has('into') && has('values')
  if (isOneOf(first, ['update'])) return has('set') && containsAny(text, '=')
  if (isOneOf(first, ['delete'])) return has('from') && (has('where') || containsAny(text, ';'))
  return (
    isOneOf(first, ['create', 'alter', 'drop']) &&
    (has('table') || has('index') || has('view')) &&
    containsAny(text, '(;_')
  )
}

/** `x = 5`, `name="x"`: a name, one equals sign and something. */
function isAssignment(text: TextSpan): boolean {
  const at = text.codes.subarray(0, text.end).indexOf(0x3d, text.start)
  if (at <= text.start || at === text.end - 1) return false
  let before = at - 1
  while (before > text.start && isSpace(codeAt(text, before))) before--
  const names = [...pieces({ ...text, end: before + 1 }, isSpace)]
  return names.length <= 3 && isLetter(codeAt(text, text.start))
}

/** `-la`, `--help`, after a space. */
function isFlag(word: TextSpan, text: TextSpan): boolean {
  if (word.start === text.start || codeAt(word, word.start) !== 0x2d) return false
  const isLong = codeAt(word, word.start + 1) === 0x2d
  const first = codeAt(word, word.start + (isLong ? 2 : 1))
  return isLetter(first) && (isLong || sizeOf(word) <= 4)
}

/** `/etc/hosts`, `./run`, `~/notes`, `c:\`. */
function isPath(word: TextSpan): boolean {
  if (startsWith(word, './') || startsWith(word, '../') || startsWith(word, '~/')) return true
  return startsWith(word, '/') && isLetter(codeAt(word, word.start + 1)) && countAny(word, '/') >= 2
}

/** `f(x, 1)`, `a.b(c)`: a bracket right after a name. `(innen)` and `(s)` after a word are prose. */
function isCall(word: TextSpan): boolean {
  for (let i = word.start + 1; i < word.end - 1; i++) {
    if (codeAt(word, i) !== 0x28 || !(isLetter(codeAt(word, i - 1)) || isDigit(codeAt(word, i - 1)))) continue
    const before = { ...word, end: i }
    if (containsAny(before, '._$') || sizeOf(before) === 1) return true
    if (!isLetter(codeAt(word, i + 1)) || containsAny({ ...word, start: i }, ':,.;"\'+*=')) return true
  }
  return false
}

/** `user_name`, `max_2`; a document's file name may have the same sign. */
function isIdentifier(word: TextSpan): boolean {
  const dot = word.codes.subarray(0, word.end).lastIndexOf(0x2e)
  if (dot > word.start && isOneOf({ ...word, start: dot + 1 }, NO_EXTENSIONS)) return false
  for (let i = word.start + 1; i < word.end - 1; i++) {
    const [before, after] = [codeAt(word, i - 1), codeAt(word, i + 1)]
    if (codeAt(word, i) === 0x5f && isLetter(before) && (isLetter(after) || isDigit(after)))
      return !containsAny(word, '@')
  }
  return false
}

/** `$name`: after a `$` of money comes a figure. */
function hasVariable(text: TextSpan): boolean {
  for (let i = text.start; i < text.end - 1; i++) {
    if (codeAt(text, i) === 0x24 && isLetter(codeAt(text, i + 1))) return true
  }
  return false
}

/** `<div>`, `<a href=…>`, `list<string>`. */
function isTag(text: TextSpan): boolean {
  const open = text.codes.subarray(0, text.end).indexOf(0x3c, text.start)
  return (
    open >= text.start &&
    isLetter(codeAt(text, open + 1)) &&
    text.codes.subarray(0, text.end).indexOf(0x3e, open) > open
  )
}
