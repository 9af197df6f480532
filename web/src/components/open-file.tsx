import { useEffect, useRef, useState } from 'preact/hooks';
import { isSaved } from '../is-saved';
import { droppedRows, dropTaker, forgetRefusal, importing, openModel, refuseFile } from '../state';
import { chooseTab } from '../tabs';

/** Files that are rows and no model, by their names: no model format ends so. */
export const rowsFile = /\.(csv|tsv|ndjson|jsonl)$/i;

/** Opens the files that a person picked or dropped: one at a time. */
function openOnly(files: FileList | null | undefined): void {
  const [file, ...others] = files ?? [];
  if (file === undefined) return;
  if (others.length > 0) {
    refuseFile(`${String(others.length + 1)} files`, 'expected one file at a time');
  } else if (rowsFile.test(file.name)) {
    droppedRows.value = file;
    chooseTab('score');
  } else {
    void openModel(file);
  }
}

/** The button for a model file, and what became of the last one. */
export function OpenFile() {
  const input = useRef<HTMLInputElement>(null);
  const now = importing.value;
  return (
    <div class="open">
      <div class="open-line">
        <button type="button" class="button" onClick={() => input.current?.click()}>
          Open a model file
        </button>
        <p class="open-hint">
          {isSaved ? 'A .safetensors model' : 'From scikit-learn, XGBoost, LightGBM, CatBoost or ONNX'}; or drop it on this
          page. It stays in this browser, and nothing in it is run.
        </p>
      </div>
      <input
        ref={input}
        type="file"
        hidden
        onChange={(event) => {
          openOnly(event.currentTarget.files);
          // The same file may be picked again.
          event.currentTarget.value = '';
        }}
      />
      <p class={now.status === 'done' ? 'hidden' : 'open-busy'} role="status">
        {now.status === 'busy' && `Importing ${now.name} …`}
        {now.status === 'done' && `Imported ${now.name}`}
      </p>
      {now.status === 'failed' && (
        <div class="problem open-problem">
          <p role="alert">
            <strong>{now.name}</strong>: {now.message}.
          </p>
          <button type="button" class="link-button" onClick={forgetRefusal}>
            Close
          </button>
        </div>
      )}
    </div>
  );
}

/** Takes a file that is dropped anywhere on the page; without it the browser would leave the page. */
export function DropArea() {
  const over = useDrop();
  return (
    <div class={over ? 'drop drop-over' : 'drop'} aria-hidden="true">
      <p>Drop a model, or a file of rows</p>
    </div>
  );
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') ?? false;
}

/** Whether a file is held over the window. */
function useDrop(): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const listening = new AbortController();
    const { signal } = listening;
    const drag = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    window.addEventListener('dragenter', drag, { signal });
    window.addEventListener('dragover', drag, { signal });
    window.addEventListener('dragleave', (event) => {
      // Out of the window, not from one element into another.
      if (event.relatedTarget === null) setOver(false);
    }, { signal });
    window.addEventListener('drop', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      const files = event.dataTransfer?.files;
      if (files?.length === 1 && files[0] !== undefined && dropTaker.value !== null) dropTaker.value(files[0]);
      else openOnly(files);
    }, { signal });
    return () => { listening.abort(); };
  }, []);
  return over;
}
