import type { Moment, Performance } from './act.ts';
import { described } from './report.ts';

const left = 60;
const top = 30;
const step = 110;
const lane = 90;
/** What is wrong at the end is told in lines of so many characters. */
const lineLength = 100;
/** The legend needs as much. */
const minWidth = 1_060;
const legendHeight = 24;

/** A time–space diagram: a line for each replica, time from left to right, and below them what the signs mean. */
export function drawDiagram({ moments, broken }: Performance, replicas: number, title: string): string {
  const width = Math.max(minWidth, left + (moments.length + 1) * step + 20);
  const verdict = broken === undefined ? [] : wrapped(broken);
  const legendY = top + replicas * lane + 30;
  const height = legendY + legendHeight + verdict.length * 16;
  const lines = Array.from({ length: replicas }, (_, at) => {
    const y = yOf(at + 1);
    return `<text x="8" y="${y + 4}" class="name">n${at + 1}</text><line x1="${left - 16}" x2="${width - 10}" y1="${y}" y2="${y}" class="lane"/>`;
  });
  const drawn = moments.map((moment, at) => drawMoment(moments, moment, at));
  const end = verdict.map((line, at) => {
    const y = height - 8 - (verdict.length - 1 - at) * 16;
    return `<text x="8" y="${y}" class="broken">${escapeXml(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<style>text{font:11px sans-serif;fill:#222}.name{font-weight:bold}.broken{fill:#b00020;font-weight:bold}.lane{stroke:#999}.message{stroke:#2563a8;stroke-width:1.5;fill:none}.label{font-size:10px;fill:#2563a8;paint-order:stroke;stroke:#fff;stroke-width:3px}.write{fill:#e0a030}.apply{fill:#2e8b57}.crash{stroke:#b00020;stroke-width:2.5}.start{fill:#fff;stroke:#2e8b57;stroke-width:2}.timeout{fill:#fff;stroke:#555}.leads{fill:#7a3fa0}.later{opacity:.08}.now .message,.now .timeout{stroke-width:3}</style>
<defs><marker id="head" markerWidth="7" markerHeight="7" refX="6" refY="3" orient="auto"><path d="M0,0 L6,3 L0,6 z" fill="#2563a8"/></marker></defs>
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="8" y="16">${escapeXml(title)}</text>
${lines.join('\n')}
${drawn.join('\n')}
${drawLegend(legendY)}
${end.join('\n')}
</svg>
`;
}

/** The diagram on a page of its own, on which one steps back and forth; it needs nothing else. */
export function diagramPage(performance: Performance, replicas: number, title: string): string {
  const moments = performance.moments.map(({ lines, label, effects }) => ({
    label,
    lines,
    effects: effects.map(described),
  }));
  // A closing tag within the data would end the script.
  const data = JSON.stringify({ moments, broken: performance.broken }).replaceAll('<', '\\u003c');
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${escapeXml(title)}</title>
<style>body{font:14px sans-serif;margin:1em}#picture{overflow-x:auto;border:1px solid #ccc}button{font-size:1em;margin-right:.4em}pre{background:#f6f6f6;padding:.6em}</style>
<h1>${escapeXml(title)}</h1>
<p><button id="back">&larr; back</button><button id="on">on &rarr;</button><span id="where"></span> (arrow keys work too)</p>
<div id="picture">${drawDiagram(performance, replicas, '')}</div>
<pre id="what"></pre>
<script>
const data = ${data};
let at = data.moments.length;
const groups = [...document.querySelectorAll('g[data-at]')];
function show() {
  for (const group of groups) {
    const place = Number(group.dataset.at);
    group.setAttribute('class', place > at ? 'later' : place === at ? 'now' : '');
  }
  const moment = data.moments[at - 1];
  document.getElementById('where').textContent = at + ' of ' + data.moments.length;
  const last = at === data.moments.length && data.broken ? '\\n\\nand now: ' + data.broken : '';
  document.getElementById('what').textContent = moment ? moment.label + '\\n\\n' + moment.effects.join('\\n') + last : 'the beginning';
}
function go(by) { at = Math.max(0, Math.min(data.moments.length, at + by)); show(); }
document.getElementById('back').onclick = () => go(-1);
document.getElementById('on').onclick = () => go(1);
document.onkeydown = (event) => { if (event.key === 'ArrowLeft') go(-1); if (event.key === 'ArrowRight') go(1); };
show();
</script>
</html>
`;
}

const xOf = (at: number): number => left + (at + 1) * step;
const yOf = (replica: number): number => top + (replica - 0.5) * lane;

function drawMoment(moments: readonly Moment[], moment: Moment, at: number): string {
  const { event, effects, sentAt, label } = moment;
  const [x, y] = [xOf(at), yOf(event.replica)];
  const shapes: string[] = [];
  if (event.type === 'deliver') {
    const from = sentAt >= 0 && moments[sentAt] !== undefined ? xOf(sentAt) : Math.max(left - 16, x - step);
    const start = yOf(event.from);
    shapes.push(
      `<line x1="${from}" y1="${start}" x2="${x}" y2="${y}" class="message" marker-end="url(#head)"/>`,
      drawLabel((from + x) / 2 + 6, (start + y) / 2 + (start < y ? -8 : 8), label),
    );
  } else if (event.type === 'crash') {
    // In schedules a replica that crashes starts again at once.
    const text = `<text x="${x - 14}" y="${y + 20}">crash, start</text>`;
    shapes.push(drawCross(x, y), drawStart(x + startsAfter, y), text);
  } else {
    shapes.push(`${drawTimeout(x, y)}<text x="${x - 14}" y="${y + 20}">${escapeXml(event.type)}</text>`);
  }
  let rise = 14;
  for (const { replica, effect } of effects) {
    const mark = yOf(replica) - rise;
    if (effect.type === 'persist') shapes.push(drawWrite(x, mark));
    else if (effect.type === 'commit') shapes.push(drawApply(x, mark));
    else if (effect.type === 'status' && effect.role === 'leader')
      shapes.push(`<text x="${x - 12}" y="${mark}" class="leads">leads ${effect.epoch}</text>`);
    else continue;
    rise += 11;
  }
  return `<g data-at="${at + 1}"><title>${escapeXml([label, ...effects.map(described)].join('\n'))}</title>${shapes.join('')}</g>`;
}

const startsAfter = 18;

const drawCross = (x: number, y: number): string =>
  `<path d="M${x - 7},${y - 7} L${x + 7},${y + 7} M${x + 7},${y - 7} L${x - 7},${y + 7}" class="crash"/>`;
const drawStart = (x: number, y: number): string =>
  `<path d="M${x - 5},${y - 6} L${x + 6},${y} L${x - 5},${y + 6} z" class="start"/>`;
const drawWrite = (x: number, y: number): string =>
  `<rect x="${x - 4}" y="${y - 4}" width="8" height="8" class="write"/>`;
const drawApply = (x: number, y: number): string => `<circle cx="${x}" cy="${y}" r="5" class="apply"/>`;
const drawTimeout = (x: number, y: number): string => `<circle cx="${x}" cy="${y}" r="6" class="timeout"/>`;
const drawArrow = (x: number, y: number): string =>
  `<line x1="${x - 12}" y1="${y}" x2="${x + 8}" y2="${y}" class="message" marker-end="url(#head)"/>`;
const drawLeads = (x: number, y: number): string =>
  `<text x="${x + 8}" y="${y + 4}" text-anchor="end" class="leads">leads N</text>`;

const legend: readonly (readonly [draw: (x: number, y: number) => string, meaning: string])[] = [
  [drawLeads, 'leader of epoch N'],
  [drawArrow, 'message'],
  [drawTimeout, 'what is named below it'],
  [drawWrite, 'write asked for'],
  [drawApply, 'entries applied'],
  [drawCross, 'power cut'],
  [drawStart, 'starts again'],
];
/** Of the widest of the usual fonts. */
const characterWidth = 7;

function drawLegend(y: number): string {
  let x = 50;
  const items = legend.map(([draw, meaning]) => {
    const item = `${draw(x, y)}<text x="${x + 14}" y="${y + 4}">= ${meaning}</text>`;
    x += 48 + characterWidth * meaning.length;
    return item;
  });
  return `<g class="legend">${items.join('')}</g>`;
}

/** A message's kind, and below it what it says. */
function drawLabel(x: number, y: number, label: string): string {
  const [kind = '', ...rest] = label.replace(/^\d+ -> \d+ /, '').split(' ');
  const lines = [kind, rest.join(' ')].map(
    (line, at) => `<tspan x="${x}" dy="${at * 11}">${escapeXml(line)}</tspan>`,
  );
  return `<text x="${x}" y="${y}" class="label">${lines.join('')}</text>`;
}

function wrapped(text: string): string[] {
  const lines: string[] = [''];
  for (const word of text.split(/\s+/)) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + word.length >= lineLength) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
