// What every entry that loads models exports besides `loadModel`.
export { answerNumber, type Answer } from './answer.js';
export type { Feature, Label, ModelDescription, Output } from './description.js';
export { ForestError, errorCode, type ErrorDetail } from './error.js';
export type {
  ExplainMethod,
  ExplainOptions,
  Importances,
  PathOptions,
  PathStep,
  Tree,
  TreePath,
} from './explanation.js';
export { isModelFile } from './foreign.js';
export { Model } from './model.js';
export type { ByteSource, WasmSource } from './module.js';
export type { ClassPrediction, Prediction, ValuePrediction } from './prediction.js';
export { batchValuesMax, type Row, type RowValue, type Rows } from './rows.js';
