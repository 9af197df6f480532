import type { ComponentChildren } from 'preact';
import type { Tick } from './axis';

interface FrameProps {
  readonly xName: string;
  readonly yName: string;
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  readonly children: ComponentChildren;
}

/** A drawing with its two axes; what is drawn fills the middle. */
export function PlotFrame({ xName, yName, xTicks, yTicks, children }: FrameProps) {
  return (
    <div class="frame">
      <div class="frame-y-name" aria-hidden="true"><span>{yName}</span></div>
      <div class="frame-y" aria-hidden="true">
        {yTicks.map(({ at, text }) => <span key={at} style={{ '--at': String(at) }}>{text}</span>)}
      </div>
      <div class="frame-plot">{children}</div>
      <div class="frame-x" aria-hidden="true">
        {xTicks.map(({ at, text }) => <span key={at} style={{ '--at': String(at) }}>{text}</span>)}
      </div>
      <div class="frame-x-name" aria-hidden="true">{xName}</div>
    </div>
  );
}
