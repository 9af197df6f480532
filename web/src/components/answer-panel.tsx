import { useEffect, useState } from 'preact/hooks';
import { hostedModel } from '../host';
import { isSaved } from '../is-saved';
import type { Answer, ModelCard, OutputAnswer, OutputCard } from '../model-card';
import { answer, choosePlace, place, problem, type Place } from '../state';
import { AgreementNote } from './agreement-note';
import { ProbabilityBars } from './probability-bars';
import { numberText, percentText } from './text';

/** A panel with few bars stays in view on a phone while the sliders are moved. */
const barsInView = 4;

/** What the model says about the row in the form. */
export function AnswerPanel({ card }: { card: ModelCard }) {
  const now = answer.value;
  const bars = card.outputs.reduce((count, output) => count + Math.max(output.labels.length, 1), 0);
  return (
    <section class={`card answer ${bars <= barsInView ? 'answer-pinned' : ''}`} aria-labelledby="answer-title">
      <h2 id="answer-title" class="hidden">
        Prediction
      </h2>
      <div class={problem.value === '' ? 'outputs' : 'outputs outputs-stale'}>
        {now !== null && card.outputs.map((output, i) => <OutputView key={i} output={output} answer={now.outputs[i]} alone={card.outputs.length === 1} />)}
      </div>
      <p class="problem" role="alert">
        {problem.value}
      </p>
      {card.opened === null && hostedModel === null && !isSaved && <PlaceSwitch />}
      <AgreementNote card={card} />
      <Announcement answer={now} />
    </section>
  );
}

interface OutputViewProps {
  readonly output: OutputCard;
  readonly answer: OutputAnswer | undefined;
  /** The name of a single output says nothing. */
  readonly alone: boolean;
}

function OutputView({ output, answer: said, alone }: OutputViewProps) {
  if (said === undefined) return null;
  return (
    <div class="output">
      {!alone && <h3>{output.name}</h3>}
      <p class="verdict">
        <span class="verdict-label">{said.kind === 'class' ? said.label : numberText(said.value)}</span>
        {said.kind === 'class' && <span class="verdict-sure">{sureness(said)}</span>}
      </p>
      {said.kind === 'class' && (
        <ProbabilityBars labels={output.labels} probabilities={said.probabilities} winner={said.index} />
      )}
    </div>
  );
}

function sureness(said: OutputAnswer & { kind: 'class' }): string {
  return percentText(said.probabilities[said.index] ?? NaN);
}

const places: readonly { readonly place: Place; readonly title: string }[] = [
  { place: 'browser', title: 'This browser' },
  { place: 'server', title: 'The server' },
];

function PlaceSwitch() {
  return (
    <fieldset class="switch">
      <legend>Who answers</legend>
      <div class="switch-choices">
        {places.map((choice) => (
          <label key={choice.place} class="switch-choice">
            <input
              type="radio"
              name="place"
              value={choice.place}
              checked={place.value === choice.place}
              onChange={() => { choosePlace(choice.place); }}
            />
            <span>{choice.title}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

const announceQuietMs = 500;

/** Says the prediction to a screen reader once the sliders rest. */
function Announcement({ answer: now }: { answer: Answer | null }) {
  const [text, setText] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => { setText(now === null ? '' : spoken(now)); }, announceQuietMs);
    return () => { clearTimeout(timer); };
  }, [now]);
  return (
    <p class="hidden" role="status">
      {text}
    </p>
  );
}

function spoken(now: Answer): string {
  const parts = now.outputs.map((said) =>
    said.kind === 'class' ? `${said.label}, ${sureness(said)}` : numberText(said.value),
  );
  return `Prediction: ${parts.join('; ')}`;
}
