/** Named with every model that the reference jobs train. */
export const TRAINING_VERSION = '1'
