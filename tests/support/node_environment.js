// Programs that run in Node see its environment, as native ones do.
Module['preRun'] = function () {
  Object.assign(ENV, process.env);
};
