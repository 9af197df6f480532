// The script of the page's worker: the package does all of it.
import 'copse/worker';
