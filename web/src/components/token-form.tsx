import { useState } from 'preact/hooks';
import { setToken, token, tokenWanted } from '../server-token';

/** What the header of a request can carry as a token. */
const tokenText = /^[\x21-\x7e]+$/;

/** Asks for the token that the server wants, and calls `onToken` once there is one. */
export function TokenForm({ onToken }: { readonly onToken: () => void }) {
  const [problem, setProblem] = useState('');
  const wrong = tokenWanted.value && token.value !== '';
  const take = (form: HTMLFormElement) => {
    const fields = new FormData(form);
    const entered = fields.get('token');
    const text = typeof entered === 'string' ? entered.trim() : '';
    if (!tokenText.test(text)) {
      setProblem(text === '' ? 'Enter the token first.' : 'A token has letters, digits and signs of ASCII only, and no spaces.');
      return;
    }
    setProblem('');
    setToken(text, fields.get('remember') !== null);
    onToken();
  };
  return (
    <form class="token" aria-label="Token of the server" onSubmit={(event) => { event.preventDefault(); take(event.currentTarget); }}>
      <p>{wrong ? 'The server does not take this token.' : 'The server asks for a token.'}</p>
      <div class="token-line">
        <label for="token">Token</label>
        <input id="token" name="token" class="number token-input" type="password" autoComplete="off" spellcheck={false} aria-invalid={problem !== ''} aria-describedby="token-problem" />
        <button type="submit" class="button button-main">
          Use this token
        </button>
      </div>
      <label class="token-tick">
        <input type="checkbox" name="remember" /> Keep it until this tab is closed
      </label>
      <p id="token-problem" class="problem" role="alert">{problem}</p>
    </form>
  );
}
