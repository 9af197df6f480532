import '../src/style.css';
import '../src/main';
