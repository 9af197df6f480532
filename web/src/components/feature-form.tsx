import { useState } from 'preact/hooks';
import { mayHaveExamples } from '../examples';
import { isDrawn } from '../first-parts';
import type { ModelCard } from '../model-card';
import { examples, reset, row, useRow } from '../state';
import { FeatureField } from './feature-field';
import { KeepRow } from './keep-row';
import { countText } from './text';

/** More fields than these are shown when they are asked for: some models have thousands. */
const fieldsAtFirst = 100;
/** These are drawn with the form, and the rest after it. */
const fieldsWithForm = 2;

/** The row that the model is asked about. */
export function FeatureForm({ card }: { card: ModelCard }) {
  const [all, setAll] = useState(card.features.length <= fieldsAtFirst);
  const wanted = all ? card.features : card.features.slice(0, fieldsAtFirst);
  const shown = isDrawn('fields') ? wanted : wanted.slice(0, fieldsWithForm);
  return (
    <form id="features" class="card form" aria-label="Features" onSubmit={(e) => { e.preventDefault(); }}>
      <div class="card-head">
        <h2>Features</h2>
        <button type="button" class="button button-quiet" onClick={reset}>
          Reset
        </button>
      </div>
      {mayHaveExamples(card) && <Examples />}
      <div class="fields">
        {shown.map((feature, i) => (
          <FeatureField
            key={feature.name}
            feature={feature}
            index={i}
            value={row.value[i] ?? NaN}
            missingAllowed={card.missingAllowed}
          />
        ))}
      </div>
      {!all && isDrawn('fields') && (
        <button
          type="button"
          class="button fields-more"
          data-focus-then={`.fields > :nth-child(${String(shown.length + 1)}) :is(input, select)`}
          onClick={() => { setAll(true); }}
        >
          Show all {countText(card.features.length)} features
        </button>
      )}
      {isDrawn('fields') && <KeepRow card={card} />}
    </form>
  );
}

function Examples() {
  return (
    <div class="examples" role="group" aria-labelledby="examples-title">
      <span id="examples-title">Try</span>
      {examples.value.map((example) => (
        <button key={example.title} type="button" class="chip" onClick={() => { useRow(example.row); }}>
          {example.title}
        </button>
      ))}
    </div>
  );
}
