import { useEffect, useRef } from 'preact/hooks';
import { fractionOf, isOutside, middleOf, sliderRange, type SliderRange } from '../feature-range';
import type { FeatureCard } from '../model-card';
import { setValue } from '../state';

interface FieldProps {
  readonly feature: FeatureCard;
  readonly index: number;
  /** NaN where it is missing, or not typed yet. */
  readonly value: number;
  readonly missingAllowed: boolean;
}

/** One feature: a number with a slider over its training range, or a choice of categories. */
export function FeatureField(props: FieldProps) {
  const { feature, index, value, missingAllowed } = props;
  const id = `feature-${String(index)}`;
  const missing = missingAllowed && Number.isNaN(value);
  const choice = feature.categorical && feature.categories.length > 0;
  return (
    <div class="field">
      <div class="field-head">
        <label for={id}>
          {feature.title}
          {feature.unit !== '' && <span class="unit"> in {feature.unit}</span>}
        </label>
        {feature.title !== feature.name && <code class="field-name">{feature.name}</code>}
        {missingAllowed && <MissingToggle {...props} missing={missing} />}
      </div>
      {choice ? (
        <CategorySelect {...props} id={id} disabled={missing} />
      ) : (
        <NumberInput {...props} id={id} disabled={missing} />
      )}
      {isOutside(value, feature) && (
        <p class="hint" id={`${id}-hint`}>
          Outside of what the model saw in training: {feature.min} to {feature.max}.
        </p>
      )}
    </div>
  );
}

type InputProps = FieldProps & { readonly id: string; readonly disabled: boolean };

function NumberInput({ feature, index, value, id, disabled, missingAllowed }: InputProps) {
  const range = sliderRange(feature);
  const input = useNumberText(value);
  const empty = Number.isNaN(value) && !missingAllowed;
  return (
    <div class={range === null ? 'inputs inputs-number' : 'inputs'}>
      {range !== null && <Slider {...{ feature, index, value, disabled, range }} />}
      <input
        ref={input}
        id={id}
        class="number"
        type="number"
        inputMode="decimal"
        step={range?.step ?? 'any'}
        disabled={disabled}
        aria-invalid={empty}
        aria-describedby={isOutside(value, feature) ? `${id}-hint` : undefined}
        onInput={(event) => { setValue(index, event.currentTarget.valueAsNumber); }}
      />
    </div>
  );
}

/**
 * Writes `value` into the input unless it is what stands there already: so "5.0" stays as typed,
 * on the way to "5.05".
 */
function useNumberText(value: number) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (input.current === null || Object.is(input.current.valueAsNumber, value)) return;
    input.current.value = Number.isNaN(value) ? '' : String(value);
  }, [value]);
  return input;
}

interface SliderProps {
  readonly feature: FeatureCard;
  readonly index: number;
  readonly value: number;
  readonly disabled: boolean;
  readonly range: SliderRange;
}

function Slider({ feature, index, value, disabled, range }: SliderProps) {
  return (
    <div class="slider-box">
      <input
        class="slider"
        type="range"
        aria-label={`${feature.title}, slider`}
        min={range.min}
        max={range.max}
        step={range.step}
        value={Number.isNaN(value) ? range.min : value}
        disabled={disabled}
        style={{ '--fill': String(fractionOf(value, range)) }}
        onInput={(event) => { setValue(index, event.currentTarget.valueAsNumber); }}
      />
      <div class="slider-ends" aria-hidden="true">
        <span>{range.min}</span>
        <span>{range.max}</span>
      </div>
    </div>
  );
}

function CategorySelect({ feature, index, value, id, disabled }: InputProps) {
  return (
    <select
      id={id}
      class="select"
      disabled={disabled}
      value={Number.isNaN(value) ? '' : String(value)}
      onChange={(event) => { setValue(index, Number(event.currentTarget.value)); }}
    >
      {feature.categories.map((category, code) => (
        <option key={code} value={code}>
          {category}
        </option>
      ))}
    </select>
  );
}

function MissingToggle({ feature, index, missing }: FieldProps & { readonly missing: boolean }) {
  return (
    <label class="missing">
      <input
        type="checkbox"
        checked={missing}
        onChange={(event) => { setValue(index, event.currentTarget.checked ? NaN : middleOf(feature)); }}
      />
      missing<span class="hidden">: {feature.title}</span>
    </label>
  );
}
