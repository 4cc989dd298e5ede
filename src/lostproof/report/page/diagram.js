// The swimlane timeline: actors above, stores below, steps from left to right.

const { h, html, render, useEffect, useLayoutEffect, useMemo, useRef, useState } = window.htmPreact;

const CHAR = 6.65, PAD = 8, HEAD = 58, ACTOR = 30, STORE = 26, GRACE = 13, GROUP = 24;
const ALWAYS = new Set(["row", "marker", "last", "log", "active", "token", "memory"]);
const BAD = new Set(["lost"]), GOOD = new Set(["succeeded"]);

const textWidth = (text) => Math.ceil(String(text).length * CHAR);

/** The columns: the beginning, and one for each step or for each series of sweeps that changed nothing. */
function columnsOf(line) {
  const columns = [{ first: 0, last: 0, label: "", time: clockTime(line.clock), gap: "" }];
  const folds = new Map(line.folds.map(([first, last, label]) => [first, { last, label }]));
  for (let step = 1; step <= line.steps.length; step += 1) {
    const fold = folds.get(step), last = fold ? fold.last : step;
    const at = momentOf(line, step), passed = at - momentOf(line, step - 1);
    columns.push({
      first: step, last, label: fold ? fold.label : line.steps[step - 1].label,
      time: clockTime(at), gap: passed ? `+${span(passed)}` : "",
    });
    step = last;
  }
  return columns;
}

const columnAt = (columns, step) => columns.findIndex((column) => step >= column.first && step <= column.last);

/** The values of a cell as segments of columns: from one change to the next. */
function segmentsOf(line, columns, cell) {
  const worlds = worldsOf(line), segments = [];
  columns.forEach((column, at) => {
    const value = worlds[column.last][cell];
    const open = segments[segments.length - 1];
    if (open && open.value === value) open.to = at + 1;
    else segments.push({ from: at, to: at + 1, value, text: nameOf(value), plain: value === line.start[cell] });
  });
  return segments;
}

/** The lanes of the stores: those that change, and the usual ones of the runs that there are; durable ones first. */
function storeLanes(line, columns) {
  const worlds = worldsOf(line), cells = cellsOf(line);
  const begun = new Set();
  cells.forEach(([field, owner], cell) => {
    if ((field === "step" || field === "peer.step") && worlds.some((world) => world[cell] !== line.start[cell])) begun.add(owner);
  });
  const lanes = [];
  cells.forEach(([field, owner], cell) => {
    const store = FIELD[field].store;
    if (!store) return;
    const changes = worlds.some((world) => world[cell] !== line.start[cell]);
    const usual = ALWAYS.has(field) && (begun.has(owner) || !owner.includes(".run-"));
    if (!changes && !usual) return;
    const home = DATA.homes[FIELD[field].home];
    const graces = field === "row" ? line.grace.filter((grace) => grace.run === owner) : [];
    const single = begun.size <= 1 && owner.includes(".run-");
    const jobs = new Set(cells.map((known) => known[1]).filter((name) => /^job-.$/.test(name)));
    const whose = single || (jobs.size === 1 && jobs.has(owner)) ? "" : ` ${shortOwner(line, owner)}`;
    lanes.push({
      key: cell, name: `${store}${whose}`, field, home, durable: home.durable, graces,
      segments: segmentsOf(line, columns, cell), height: STORE + (graces.length ? GRACE : 0),
    });
  });
  return lanes.sort((one, other) => other.durable - one.durable || FIELD[one.field].order - FIELD[other.field].order);
}

/** Where everything is: columns with their x, lanes with their y. */
function layoutOf(line) {
  const columns = columnsOf(line), stores = storeLanes(line, columns);
  for (const column of columns) {
    column.width = Math.max(textWidth(column.label) + 2 * PAD, textWidth(column.time) + PAD, textWidth(column.gap) + PAD);
  }
  for (const lane of stores) {
    for (const { from, to, text, plain } of lane.segments) {
      const room = columns.slice(from, to).reduce((sum, column) => sum + column.width, 0);
      const wanted = plain && from ? 0 : textWidth(text) + 2 * PAD;
      if (wanted > room) columns[from].width += wanted - room;
    }
  }
  let x = 4;
  for (const column of columns) { column.x = x; x += column.width; }
  const rows = [];
  let y = HEAD;
  const add = (row) => { rows.push({ ...row, y }); y += row.height; };
  line.lanes.forEach((name, number) => add({ kind: "actor", name, number, height: ACTOR }));
  for (const durable of [true, false]) {
    const lanes = stores.filter((lane) => lane.durable === durable);
    if (!lanes.length) continue;
    const [name, words] = durable ? ["on disk", "survives every process"] : ["in memory", "goes with its process"];
    add({ kind: "group", name: `${durable ? DURABLE : VOLATILE} ${name}`, words, durable, height: GROUP });
    for (const lane of lanes) add({ ...lane, kind: "store" });
  }
  return { columns, rows, width: x + 6, height: y + 6 };
}

function lifelines(line, layout, row) {
  const { columns } = layout, middle = row.y + row.height / 2;
  const lives = (column) => (column.last ? line.steps[column.last - 1].alive : line.alive).includes(row.number);
  const centre = (at) => (at ? columns[at].x + columns[at].width / 2 : columns[0].x);
  return columns.map((column, at) => {
    if (!lives(column)) return null;
    const to = at + 1 < columns.length ? centre(at + 1) : layout.width - 4;
    return html`<line class="life" x1=${centre(at)} x2=${to} y1=${middle} y2=${middle} />`;
  });
}

function events(line, layout, row) {
  return layout.columns.slice(1).map((column) => {
    const step = line.steps[column.first - 1];
    if (step.lane !== row.number) return null;
    const kind = step.breaks ? "broken" : step.fault ? "fault" : "";
    const width = textWidth(column.label) + 12, x = column.x + (column.width - width) / 2;
    return html`<g class="event ${kind}">
      <rect x=${x} y=${row.y + 4} width=${width} height=${ACTOR - 8} rx="4" />
      <text x=${column.x + column.width / 2} y=${row.y + ACTOR / 2 + 4} text-anchor="middle">${column.label}</text>
    </g>`;
  });
}

function segment(layout, row, { from, to, text, plain }) {
  const { columns } = layout, x = columns[from].x, last = columns[to - 1];
  const end = last.x + last.width, middle = row.y + STORE / 2;
  if (plain) {
    const shown = from === 0;
    return html`<g class="idle">
      <line x1=${x} x2=${end} y1=${middle} y2=${middle} />
      ${shown && html`<text x=${x + 3} y=${middle + 4}>${text}</text>`}
    </g>`;
  }
  const tone = BAD.has(text) ? "bad" : GOOD.has(text) ? "good" : "";
  return html`<g class="value ${row.durable ? "durable" : "volatile"} ${tone}">
    <rect x=${x + 1} y=${row.y + 3} width=${end - x - 2} height=${STORE - 6} rx=${row.durable ? 2 : 9} />
    <text x=${x + PAD} y=${middle + 4}>${text}</text>
  </g>`;
}

function graceSpans(line, layout, row) {
  const { columns } = layout, y = row.y + STORE + 2;
  return row.graces.map((grace) => {
    const from = columns[columnAt(columns, grace.from)], to = grace.to && columns[columnAt(columns, grace.to)];
    const x = from.x + from.width / 2, end = to ? to.x + to.width / 2 : layout.width - 4;
    const words = grace.expired ? `grace ${span(grace.ms)}` : "grace";
    const fits = end - x > textWidth(words) + 10;
    return html`<g class="grace ${grace.expired ? "over" : ""}">
      <title>${`grace of ${span(grace.ms)} since ${clockTime(line.clock + grace.since)}${grace.expired ? ": over" : ""}`}</title>
      <path d=${`M${x} ${y} v7 M${x} ${y + 3.5} H${end}${grace.expired ? ` M${end} ${y - 1} v9` : ""}`} />
      ${fits && html`<text x=${(x + end) / 2} y=${y + 7} text-anchor="middle">${words}</text>`}
    </g>`;
  });
}

/** What lies behind the lanes: the present step, the violation, crashes, and where the continuation begins. */
function backdrop(line, layout, step) {
  const { columns, height } = layout, present = columns[columnAt(columns, step)];
  const after = columns.find((column) => column.first > line.proper);
  const band = (column, kind) => html`<rect class=${kind} x=${column.x} y="0" width=${column.width} height=${height} />`;
  const faults = columns.filter((column) => column.first && line.steps[column.first - 1].fault);
  return html`
    ${after && html`<rect class="onwards" x=${after.x} y="0" width=${layout.width - after.x} height=${height} />`}
    ${columns.map((column) => column.first > 0 && line.steps[column.first - 1].breaks && band(column, "violation"))}
    ${present && html`<rect class="present" x=${present.x + 0.5} y="1" width=${present.width - 1} height=${height - 2} rx="4" />`}
    ${faults.map((column) => {
      const x = column.x + column.width / 2;
      return html`<line class="faultline" x1=${x} x2=${x} y1=${HEAD - 4} y2=${height} />`;
    })}`;
}

function heading(line, layout, step) {
  const { columns, height } = layout;
  const decided = line.point === null ? -1 : columnAt(columns, line.point);
  const after = columns.find((column) => column.first > line.proper);
  return html`
    ${columns.map((column, at) => {
      const middle = column.x + column.width / 2, breaks = column.first > 0 && line.steps[column.first - 1].breaks;
      const numbers = column.last > column.first ? `${column.first}–${column.last}` : column.first || "start";
      return html`<g class="tick ${step >= column.first && step <= column.last ? "now" : ""}">
        <text class="number" x=${middle} y="15" text-anchor="middle">${breaks ? `${CROSS} ` : ""}${numbers}</text>
        <text class="time" x=${middle} y="32" text-anchor="middle">${column.time}</text>
        <text class="gap" x=${middle} y="47" text-anchor="middle">${at ? column.gap : ""}</text>
      </g>`;
    })}
    ${decided >= 0 && html`<g class="decided">
      <title>point of no return: from here on nothing averts the violation</title>
      <line x1=${columns[decided].x + columns[decided].width} x2=${columns[decided].x + columns[decided].width} y1="20" y2=${height} />
      <text x=${columns[decided].x + columns[decided].width} y="15" text-anchor="middle">${DECIDED}</text>
    </g>`}
    ${after && html`<line class="onwards-edge" x1=${after.x} x2=${after.x} y1="0" y2=${height} />`}`;
}

/** The swimlanes of a race; `go` takes the page to a step. */
function Diagram({ race, line, step, go }) {
  const layout = useMemo(() => layoutOf(line), [line]);
  // What no step changes is made once: long timelines stay quick.
  const rows = useMemo(() => layout.rows.map((row) => html`<g class=${`row ${row.kind}`} key=${row.kind + row.name + row.y}>
    <line class="rule" x1="0" x2=${layout.width} y1=${row.y} y2=${row.y} />
    ${row.kind === "group" && html`<text class="aside" x="7" y=${row.y + 16}>${row.words}</text>`}
    ${row.kind === "actor" && html`${lifelines(line, layout, row)}${events(line, layout, row)}`}
    ${row.kind === "store" && row.segments.map((part) => segment(layout, row, part))}
    ${row.kind === "store" && graceSpans(line, layout, row)}
  </g>`), [layout]);
  const targets = useMemo(() => layout.columns.map((column) => html`<rect class="target" x=${column.x} y="0"
    width=${column.width} height=${layout.height} onClick=${() => go(column.last)} />`), [layout]);
  const area = useRef(null);
  useLayoutEffect(() => {
    const column = layout.columns[columnAt(layout.columns, step)], box = area.current;
    if (!column || !box) return;
    if (column.x < box.scrollLeft + 8) box.scrollLeft = column.x - 40;
    else if (column.x + column.width > box.scrollLeft + box.clientWidth) {
      box.scrollLeft = column.x + column.width - box.clientWidth + 40;
    }
  }, [layout, step]);
  const after = line.steps.length > line.proper;
  return html`<figure class="diagram">
    <div class="lanes" aria-hidden="true" style=${`height:${layout.height}px`}>
      <div class="lane head" style=${`height:${HEAD}px`}><span>step</span><span>time</span><span>since the last</span></div>
      ${layout.rows.map((row) => html`<div class="lane ${row.kind}" style=${`height:${row.height}px`}
        title=${row.kind === "store" ? `${row.home.words}: ${FIELD[row.field].doc}` : ""}>
        ${row.kind === "store" && html`<i>${row.durable ? DURABLE : VOLATILE}</i>`}${row.name}</div>`)}
    </div>
    <div class="scroll" ref=${area} tabindex="0" role="region" aria-label="Timeline, scrolls sideways">
      <svg width=${layout.width} height=${layout.height} role="img" aria-labelledby="timeline-title timeline-desc">
        <title id="timeline-title">${`Timeline of ${race.key}`}</title>
        <desc id="timeline-desc">Steps from left to right, a lane for each actor and each store. The list of steps below says the same in words.</desc>
        ${backdrop(line, layout, step)}
        ${rows}
        ${heading(line, layout, step)}
        ${targets}
      </svg>
    </div>
    <figcaption>
      <span class="sample durable"><i></i>${DURABLE} durable</span>
      <span class="sample volatile"><i></i>${VOLATILE} volatile</span>
      <span class="sample life"><i></i>lifeline: up, or at work</span>
      ${line.grace.length > 0 && html`<span class="sample grace"><i></i>grace since the row's last event</span>`}
      <span class="sample fault"><i></i>fault</span>
      <span class="sample broken"><i></i>${CROSS} violation</span>
      ${line.point !== null && html`<span class="sample decided"><i></i>${DECIDED} point of no return</span>`}
      ${after && html`<span class="sample onwards"><i></i>and it goes on: the continuation</span>`}
    </figcaption>
  </figure>`;
}
