import type { Answer } from '../model-card';
import type { Explaining } from './explaining';
import type { Target } from './target';

interface TargetChoiceProps {
  readonly why: Explaining;
  readonly answer: Answer;
  readonly target: Target;
}

/** Which output is explained, and which of its classes: at first the one that is predicted. */
export function TargetChoice({ why, answer, target }: TargetChoiceProps) {
  const { outputs } = why.card;
  const labels = outputs[target.output]?.labels ?? [];
  const said = answer.outputs[target.output];
  if (outputs.length === 1 && labels.length < 2) return null;
  const set = (output: number, classIndex: number | null) => { why.choice.value = { output, classIndex }; };
  return (
    <div class="why-choices">
      {outputs.length > 1 && (
        <div class="why-choice">
          <label for="why-output">Output</label>
          <select id="why-output" class="select" value={target.output} onChange={(event) => { set(Number(event.currentTarget.value), null); }}>
            {outputs.map(({ name }, k) => <option key={k} value={k}>{name}</option>)}
          </select>
        </div>
      )}
      {labels.length > 1 && said?.kind === 'class' && (
        <div class="why-choice">
          <label for="why-class">Class</label>
          <select
            id="why-class"
            class="select"
            value={why.choice.value.classIndex ?? ''}
            onChange={({ currentTarget: { value } }) => { set(target.output, value === '' ? null : Number(value)); }}
          >
            <option value="">as predicted: {said.label}</option>
            {labels.map((label, k) => <option key={k} value={k}>{label}</option>)}
          </select>
        </div>
      )}
    </div>
  );
}
