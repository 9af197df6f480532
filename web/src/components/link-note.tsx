import { forgetLink, linkProblem } from '../linked-row';

/** Why the link that led to this page did not fill the form. */
export function LinkNote() {
  return (
    <div class="link-note" role="alert">
      {linkProblem.value !== '' && (
        <p class="note note-warn">
          <span>
            {linkProblem.value}{' '}
            <button type="button" class="link-button" onClick={forgetLink}>
              Close
            </button>
          </span>
        </p>
      )}
    </div>
  );
}
