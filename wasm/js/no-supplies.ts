import { ForestError, errorCode } from './error.js';
import type { Supplies } from './serve.js';

/** Where nothing can be fetched. */
export const noSupplies: Supplies = {
  importer: () =>
    Promise.reject(
      new ForestError(
        errorCode.unavailable,
        'this page carries no importer: turn the file into a *.safetensors model with `copse import`',
      ),
    ),
};
