/** What the generators of texts are made of, for each language: common words, names, places, and how figures are written there. */
export const LANGUAGES = ['en', 'de', 'fr', 'es', 'pl'] as const
export type Language = (typeof LANGUAGES)[number]

type Words = readonly [string, ...string[]]

export interface LanguageParts {
  readonly words: Words
  readonly names: Words
  readonly surnames: Words
  readonly places: Words
  /** Whole sentences with `#` for a number and `@` for a name. */
  readonly sentences: Words
  readonly months: readonly string[]
  readonly shortMonths: readonly string[]
  readonly weekdays: readonly string[]
  readonly decimal: string
  readonly thousands: string
}

const list = (text: string): Words => {
  const [first = '', ...rest] = text.split(' ')
  return [first, ...rest]
}

export const FITTED: Readonly<Record<Language, LanguageParts>> = {
  en: {
    words: list(
      'invoice meeting report budget draft approved pending garden window station bridge quickly tomorrow supplier delivery',
    ),
    names: list('Emma Oliver Amelia George Isla Harry Olivia Jack'),
    surnames: list("Smith Jones Taylor Brown O'Brien Wilson Evans Clarke"),
    places: list('London Leeds Bristol Dublin Boston Denver'),
    sentences: [
      'Please send me the report before # o’clock.',
      'I spoke to @, and he agrees (more or less).',
      'Can we move the meeting to room #?',
      'thanks, that works for me',
      'The total comes to # for the whole team; see the note below.',
      'Dear @,',
      'ok see you there!',
      'Delivered to 14 High Street, second floor',
      'Q&A session with @ & team',
      'not sure - let me check and come back to you',
    ],
    months: 'January February March April May June July August September October November December'.split(' '),
    shortMonths: 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' '),
    weekdays: 'Monday Tuesday Wednesday Thursday Friday Saturday Sunday'.split(' '),
    decimal: '.',
    thousands: ',',
  },
  de: {
    words: list(
      'Rechnung Besprechung Bericht Straße Größe Lieferung genehmigt offen Fenster Brücke schnell morgen Kunde Übersicht',
    ),
    names: list('Anna Lukas Jürgen Sabine Käthe Thomas Björn Ute'),
    surnames: list('Müller Schmidt Weiß Fischer Schröder Koch Bauer Meyer-Lange'),
    places: list('Berlin München Köln Zürich Wien Bremen'),
    sentences: [
      'Bitte schicken Sie mir den Bericht bis # Uhr.',
      'Ich habe mit @ gesprochen, er ist einverstanden (im Großen und Ganzen).',
      'Können wir die Besprechung in Raum # verlegen?',
      'danke, das passt mir gut',
      'Sehr geehrte Frau @,',
      'Die Summe beträgt # für das ganze Team; siehe unten.',
      'Mitarbeiter(innen) bitte bei @ melden',
      'Hauptstraße 14, 10115 Berlin',
      'bis gleich!',
      'z. B. am Nachmittag, wenn es Ihnen recht ist',
    ],
    months: 'Januar Februar März April Mai Juni Juli August September Oktober November Dezember'.split(' '),
    shortMonths: 'Jan. Feb. Mrz. Apr. Mai Jun. Jul. Aug. Sep. Okt. Nov. Dez.'.split(' '),
    weekdays: 'Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag'.split(' '),
    decimal: ',',
    thousands: '.',
  },
  fr: {
    words: list(
      'facture réunion rapport budget brouillon approuvé fenêtre gare pont rapidement demain fournisseur livraison élève',
    ),
    names: list('Léa Hugo Chloé Jean-Pierre Camille Étienne Zoé Luc'),
    surnames: list("Martin Bernard Dubois Lefèvre d'Arcy Moreau Garnier Petit"),
    places: list('Paris Lyon Nantes Genève Bruxelles Lille'),
    sentences: [
      'Merci de m’envoyer le rapport avant # heures.',
      'J’ai parlé avec @, il est d’accord (en gros).',
      'Peut-on déplacer la réunion en salle # ?',
      'oui, ça me va très bien',
      'Bonjour @,',
      'Le total est de # pour toute l’équipe ; voir plus bas.',
      '12 rue de la Paix, 75002 Paris',
      'à tout de suite !',
      'pas sûr - je vérifie et je reviens vers vous',
      'aujourd’hui ou demain, comme vous voulez',
    ],
    months: 'janvier février mars avril mai juin juillet août septembre octobre novembre décembre'.split(' '),
    shortMonths: 'janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.'.split(' '),
    weekdays: 'lundi mardi mercredi jeudi vendredi samedi dimanche'.split(' '),
    decimal: ',',
    thousands: ' ',
  },
  es: {
    words: list(
      'factura reunión informe presupuesto borrador aprobado ventana estación puente rápido mañana proveedor entrega año',
    ),
    names: list('Lucía Hugo María José Inés Álvaro Carmen Íñigo'),
    surnames: list('García López Muñoz Ibáñez Ruiz Núñez Vega Castro'),
    places: list('Madrid Sevilla Bilbao Valencia Lima Bogotá'),
    sentences: [
      'Por favor, envíeme el informe antes de las #.',
      'He hablado con @, y está de acuerdo (más o menos).',
      '¿Podemos pasar la reunión a la sala #?',
      'gracias, me parece bien',
      'Estimada @:',
      'El total es de # para todo el equipo; véase más abajo.',
      'Calle Mayor 14, 28013 Madrid',
      '¡hasta luego!',
      'no estoy seguro - lo miro y te digo',
      'hoy o mañana, como prefieras',
    ],
    months: 'enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre'.split(' '),
    shortMonths: 'ene feb mar abr may jun jul ago sep oct nov dic'.split(' '),
    weekdays: 'lunes martes miércoles jueves viernes sábado domingo'.split(' '),
    decimal: ',',
    thousands: '.',
  },
  pl: {
    words: list(
      'faktura spotkanie raport budżet szkic zatwierdzone okno dworzec most szybko jutro dostawca żółty łódź ćwiczenie',
    ),
    names: list('Zofia Jakub Małgorzata Łukasz Agnieszka Paweł Świętosław Ewa'),
    surnames: list('Nowak Kowalska Wiśniewski Wójcik Zając Żak Lewandowski Mazur'),
    places: list('Warszawa Kraków Łódź Gdańsk Poznań Wrocław'),
    sentences: [
      'Proszę przesłać raport przed godziną #.',
      'Rozmawiałem z panem @ i zgadza się (mniej więcej).',
      'Czy możemy przenieść spotkanie do sali #?',
      'dzięki, pasuje mi',
      'Szanowna Pani @,',
      'Razem wychodzi # na cały zespół; patrz niżej.',
      'ul. Długa 14, 00-238 Warszawa',
      'do zobaczenia!',
      'nie wiem - sprawdzę i dam znać',
      'dziś albo jutro, jak wolisz',
    ],
    months: 'stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia'.split(
      ' ',
    ),
    shortMonths: 'sty lut mar kwi maj cze lip sie wrz paź lis gru'.split(' '),
    weekdays: 'poniedziałek wtorek środa czwartek piątek sobota niedziela'.split(' '),
    decimal: ',',
    thousands: ' ',
  },
}

/** Other words and sentences, for the second half of the fitted part. Names of months can't differ. */
export const FITTED_TOO: Readonly<Record<Language, LanguageParts>> = {
  en: {
    ...FITTED.en,
    words: list(
      'refund warehouse agenda colleague happy maybe Wednesday’s re-order can’t cheque onboarding holiday yes urgent march',
    ),
    names: list('Priya Mohammed Chloe Xavier Siobhan Tom'),
    surnames: list('Patel McDonald Van-Dyke Okafor Hughes Lee'),
    sentences: [
      'Hi @ - just checking in on the refund',
      'we need # more boxes by Friday',
      '“Out of office” until next week…',
      'If you can, return it to the warehouse',
      'let me know: yes or no?',
      'Customer called twice, wants his money back!!',
      'for while I was away, please select one from the list',
      'Flat 3B, 221 Baker Street',
      'Meeting notes / action points for @',
      'make sure to echo what @ said',
      'See you on 3 May at the office',
    ],
  },
  de: {
    ...FITTED.de,
    words: list(
      'Gutschrift Lager Tagesordnung Kollegin vielleicht dringend Urlaub E-Mail-Adresse Kündigung ja Fußgänger Öl Mai',
    ),
    names: list('Mehmet Heike Ole Franziska Jörg Katrin'),
    surnames: list('Yılmaz Günther Krüger Scholz Wolff Groß'),
    sentences: [
      'Hallo @, kurze Rückfrage zur Gutschrift',
      'wir brauchen noch # Kartons bis Freitag',
      '„Nicht im Büro“ bis nächste Woche …',
      'Kunde hat zweimal angerufen, will sein Geld zurück!!',
      'Schicken Sie es bitte ans Lager zurück',
      'sag Bescheid: ja oder nein?',
      'Gartenweg 3b, 3. Etage links',
      'Protokoll / Aufgaben für @',
      'mit freundlichen Grüßen',
      'Wir sehen uns am 3. Mai im Büro',
    ],
  },
  fr: {
    ...FITTED.fr,
    words: list(
      'remboursement entrepôt collègue peut-être urgent congé adhésion œuvre non rendez-vous s’il ça chèque mars',
    ),
    names: list('Aïcha Théo Noémie François Gaëlle Yann'),
    surnames: list('Benali Le-Goff Roux Fontaine Chevalier Blanc'),
    sentences: [
      'Bonjour @ - une question sur le remboursement',
      'il nous faut encore # cartons d’ici vendredi',
      '« Absent » jusqu’à la semaine prochaine…',
      'Le client a appelé deux fois, il veut être remboursé !!',
      'merci de le renvoyer à l’entrepôt',
      'dites-moi : oui ou non ?',
      '3 bis avenue Foch, bâtiment B',
      'Compte rendu / actions pour @',
      'cordialement',
      'Rendez-vous le 3 mai au bureau',
    ],
  },
  es: {
    ...FITTED.es,
    words: list(
      'reembolso almacén compañera quizás urgente vacaciones agüero sí baja cheque señal ñandú correo-e marzo',
    ),
    names: list('Joaquín Nuria Begoña Óscar Rocío Iker'),
    surnames: list('Fernández Etxeberria Peña Gil Domínguez Cruz'),
    sentences: [
      'Hola @, una pregunta sobre el reembolso',
      'nos hacen falta # cajas más para el viernes',
      '«Fuera de la oficina» hasta la semana que viene…',
      '¡¡El cliente ha llamado dos veces y quiere su dinero!!',
      'devuélvalo al almacén, por favor',
      'dime: ¿sí o no?',
      'Avda. de la Paz 3, 2.º B',
      'Acta / tareas para @',
      'un saludo',
      'Nos vemos el 3 de mayo en la oficina',
    ],
  },
  pl: {
    ...FITTED.pl,
    words: list('zwrot magazyn koleżanka może pilne urlop źródło tak e-sklep gżegżółka wypowiedzenie czek lipiec'),
    names: list('Grażyna Michał Stanisław Kinga Oskar Żaneta'),
    surnames: list('Dąbrowski Król Piątek Szczęsny Gołąb Sikora'),
    sentences: [
      'Dzień dobry @, mam pytanie o zwrot',
      'potrzebujemy jeszcze # kartonów do piątku',
      '„Poza biurem” do przyszłego tygodnia…',
      'Klient dzwonił dwa razy, chce zwrotu pieniędzy!!',
      'proszę odesłać do magazynu',
      'daj znać: tak czy nie?',
      'al. Jerozolimskie 3 m. 7',
      'Notatki / zadania dla @',
      'pozdrawiam serdecznie',
      'Widzimy się 3 maja w biurze',
    ],
  },
}

/** Other words and sentences again. */
export const FITTED_AGAIN: Readonly<Record<Language, LanguageParts>> = {
  en: {
    ...FITTED.en,
    words: list(
      'parcel quarterly reminder ticket solved glad thoroughly Thursday-ish lorry receipt who’s afternoon bonus OKAY',
    ),
    names: list('Nadia Callum Beatrice Rohan Freya Isaac'),
    surnames: list('Ahmed MacLeod Fitzgerald Ng Barker Stone'),
    sentences: [
      'Could @ have a quick look at this?',
      'Attached: invoice & delivery note',
      'I’ll call back after lunch, around # past',
      'Unit 7, Riverside Park, Leeds LS1',
      'no idea; ask @',
      'The customer is happy :)',
      'price incl. VAT, see terms (page #)',
      'Go ahead and make the change please',
      'from Monday on, twice a week',
    ],
  },
  de: {
    ...FITTED.de,
    words: list(
      'Paket Erinnerung Vorgang erledigt gründlich Quittung Nachmittag Prämie Lkw Maßnahme übrigens Ärger wieso ok',
    ),
    names: list('Yusuf Greta Hannes Svenja Özlem Karl'),
    surnames: list('Demir Böhm Straßer Lindner Jäger Roth'),
    sentences: [
      'Könnte @ da mal kurz draufschauen?',
      'Anbei: Rechnung & Lieferschein',
      'ich rufe nach dem Mittag zurück, so gegen #',
      'Gewerbepark 7, Halle B, Bremen',
      'keine Ahnung; frag @',
      'Der Kunde ist zufrieden :)',
      'Preis inkl. MwSt., siehe AGB (Seite #)',
      'ab Montag, zweimal die Woche',
      'Viele Grüße aus Köln',
    ],
  },
  fr: {
    ...FITTED.fr,
    words: list('colis rappel dossier réglé soigneusement reçu après-midi prime camion où mesure l’école pourquoi ok'),
    names: list('Inès Mathis Clémence Karim Élodie Marc'),
    surnames: list('Haddad Guérin Lacroix Perrin Renaud Colin'),
    sentences: [
      'Est-ce que @ peut y jeter un œil ?',
      'Ci-joint : facture & bon de livraison',
      'je rappelle après le déjeuner, vers #',
      'ZA du Moulin, lot 7, Nantes',
      'aucune idée ; demandez à @',
      'Le client est content :)',
      'prix TTC, voir conditions (page #)',
      'à partir de lundi, deux fois par semaine',
      'Bien à vous',
    ],
  },
  es: {
    ...FITTED.es,
    words: list(
      'paquete recordatorio expediente resuelto recibo tarde prima camión cuándo medida pingüino dónde vale ok',
    ),
    names: list('Marta Unai Concepción Raúl Leire Tomás'),
    surnames: list('Serrano Zubiri Cañete Bravo Marín Sáez'),
    sentences: [
      '¿Puede @ echarle un vistazo?',
      'Adjunto: factura & albarán',
      'llamo después de comer, sobre las #',
      'Polígono Sur, nave 7, Sevilla',
      'ni idea; pregunta a @',
      'El cliente está contento :)',
      'precio con IVA, ver condiciones (página #)',
      'a partir del lunes, dos veces por semana',
      'Atentamente le saluda',
    ],
  },
  pl: {
    ...FITTED.pl,
    words: list(
      'paczka przypomnienie sprawa załatwione paragon popołudnie premia ciężarówka środek dlaczego źle ość ok',
    ),
    names: list('Bożena Wojciech Jagoda Rafał Iga Czesław'),
    surnames: list('Pawłowski Łuczak Jędrzejczyk Baran Górska Sobczak'),
    sentences: [
      'Czy @ może na to rzucić okiem?',
      'W załączeniu: faktura & list przewozowy',
      'oddzwonię po obiedzie, około #',
      'Park Handlowy, hala 7, Łódź',
      'nie mam pojęcia; zapytaj @',
      'Klient jest zadowolony :)',
      'cena brutto, patrz regulamin (strona #)',
      'od poniedziałku, dwa razy w tygodniu',
      'Z wyrazami szacunku',
    ],
  },
}

const heldOut = (
  language: Language,
  words: string,
  names: string,
  surnames: string,
  sentences: Words,
): LanguageParts => ({
  ...FITTED[language],
  words: list(words),
  names: list(names),
  surnames: list(surnames),
  sentences,
})

/** Words and sentences of the held-out part. */
export const HELD_OUT: Readonly<Record<Language, LanguageParts>> = {
  en: heldOut(
    'en',
    'shipment approval maybe kitchen thanks roughly overtime pending-ish hello',
    'Grace Leo Zara Finn',
    'Khan Murphy Bell Walsh',
    [
      'Sorry for the late answer, @.',
      'Two of the # pallets are missing',
      'Shall we talk on the phone about it?',
      'Suite 12, 400 Market Street',
      'forwarded to accounting, waiting for news',
      'Great work!',
    ],
  ),
  de: heldOut(
    'de',
    'Sendung Freigabe vielleicht Küche danke ungefähr Überstunden hallo Störung',
    'Jonas Mia Günter Elif',
    'Kaya Vogel Hößl Brandt',
    [
      'Entschuldigung für die späte Antwort, @.',
      'Zwei der # Paletten fehlen',
      'Sollen wir dazu telefonieren?',
      'Lindenallee 12, 50667 Köln',
      'an die Buchhaltung weitergeleitet, warte auf Rückmeldung',
      'Gute Arbeit!',
    ],
  ),
  fr: heldOut(
    'fr',
    'expédition accord cuisine merci environ panne salut hôtel événement',
    'Jade Raphaël Maëlys Noé',
    'Diallo Mercier Faure Brun',
    [
      'Désolée pour la réponse tardive, @.',
      'Il manque deux palettes sur #',
      'On en parle au téléphone ?',
      '45 boulevard Voltaire, 33000 Bordeaux',
      'transmis à la comptabilité, en attente de nouvelles',
      'Beau travail !',
    ],
  ),
  es: heldOut(
    'es',
    'envío visto-bueno cocina gracias aproximadamente avería hola señor niño',
    'Daniela Pablo Ainhoa Martín',
    'Romero Ortega Ybarra Prieto',
    [
      'Perdón por la respuesta tardía, @.',
      'Faltan dos de los # palés',
      '¿Lo hablamos por teléfono?',
      'Plaza Nueva 6, 41001 Sevilla',
      'enviado a contabilidad, a la espera de noticias',
      '¡Buen trabajo!',
    ],
  ),
  pl: heldOut(
    'pl',
    'przesyłka zgoda kuchnia dziękuję około awaria cześć nadgodziny święto',
    'Hanna Filip Oliwia Szymon',
    'Kaczmarek Wróbel Głowacki Duda',
    [
      'Przepraszam za późną odpowiedź, @.',
      'Brakuje dwóch z # palet',
      'Omówimy to przez telefon?',
      'ul. Lipowa 45, 30-702 Kraków',
      'przekazane do księgowości, czekam na wiadomość',
      'Świetna robota!',
    ],
  ),
}
