// The lifecycles as graphs, with what was exercised.

const NODE = { width: 96, height: 26, row: 58 };
const EDGE = 12;

/** The labels that have room: none lies over another or over a state. */
function labelled(edges, states) {
  const boxes = states.map(({ x, y }) => ({ left: x - NODE.width / 2, right: x + NODE.width / 2, top: y - 13, bottom: y + 13 }));
  return edges.filter((edge) => {
    const half = edge.label.length * 3.1 + 2;
    const box = { left: edge.x - half, right: edge.x + half, top: edge.y - 9, bottom: edge.y + 3 };
    const free = boxes.every((other) => box.right < other.left || box.left > other.right || box.bottom < other.top || box.top > other.bottom);
    if (free) boxes.push(box);
    return free;
  });
}

/** How often an edge was taken, by the revisions that are looked at. */
const taken = (edge, names, same) => {
  const counts = edge.events.map((event) => names.reduce((sum, name) => sum + (event.counts[name] || 0), 0));
  return same ? Math.max(0, ...counts) : counts.reduce((sum, count) => sum + count, 0);
};

/** Whether no revision looked at allows any of the events of an edge. */
const forbidden = (edge, revisions) =>
  edge.events.every(({ guard }) => guard && revisions.every((revision) => !revision.guards[guard]));

/** The way of an edge, and where its label goes. */
function wayOf(from, to, column) {
  const across = to.x - from.x, down = to.y - from.y;
  if (across === 0) {
    const side = down > 0 ? 1 : -1, x = from.x + side * NODE.width / 2, reach = side * (14 + Math.abs(down) * 0.32);
    const y1 = from.y + side * 4, y2 = to.y - side * 4;
    return { path: `M${x} ${y1} C${x + reach} ${y1} ${x + reach} ${y2} ${x} ${y2}`, x: x + reach * 0.75, y: (y1 + y2) / 2 };
  }
  if (across > 0 && across <= column + 1) {
    const x1 = from.x + NODE.width / 2, x2 = to.x - NODE.width / 2, bend = (x2 - x1) / 2;
    return { path: `M${x1} ${from.y} C${x1 + bend} ${from.y} ${x2 - bend} ${to.y} ${x2} ${to.y}`, x: (x1 + x2) / 2, y: (from.y + to.y) / 2 - 4 };
  }
  const up = across > 0 ? -1 : 1, lift = 22 + Math.abs(across) * 0.17;
  const x1 = from.x + Math.sign(across) * 18, x2 = to.x - Math.sign(across) * 18;
  const y1 = from.y + up * NODE.height / 2, y2 = to.y + up * NODE.height / 2;
  const peak = (up < 0 ? Math.min(y1, y2) : Math.max(y1, y2)) + up * lift;
  return { path: `M${x1} ${y1} C${x1} ${peak} ${x2} ${peak} ${x2} ${y2}`, x: (x1 + x2) / 2, y: (y1 + y2 + 6 * peak) / 8 + 3 };
}

function Lifecycle({ chart, names }) {
  const [looked, look] = useState(null);
  const revisions = DATA.revisions.filter((revision) => names.includes(revision.revision));
  const xs = chart.states.map((state) => state.x), ys = chart.states.map((state) => state.y);
  const wide = Math.max(...xs), column = wide > 4 ? 158 : 210;
  const place = Object.fromEntries(chart.states.map((state) => [state.name, { x: 70 + state.x * column, y: state.y * NODE.row }]));
  const same = chart.name === "task";
  const edges = chart.edges.map((edge) => {
    const count = taken(edge, names, same), off = !count && forbidden(edge, revisions);
    const kind = count ? "taken" : off ? "off" : "untaken";
    const events = edge.events.map(({ event }) => event), label = events.length > 2 ? `${events.length} events` : events.join(" / ");
    return { ...edge, count, kind, label, ...wayOf(place[edge.source], place[edge.target], column) };
  });
  const mine = looked ? edges.filter((edge) => edge.source === looked) : edges;
  const labels = labelled(mine, Object.values(place));
  const heights = [...ys.map((y) => y * NODE.row), ...edges.map((edge) => edge.y)];
  const top = Math.min(...heights) - 18 - EDGE, bottom = Math.max(...heights) + 18 + EDGE;
  const right = Math.max(140 + wide * column, ...edges.map((edge) => edge.x + edge.label.length * 3.1 + EDGE));
  const size = { width: right, height: bottom - top };
  const done = edges.filter((edge) => edge.count).length;
  const possible = edges.filter((edge) => edge.kind !== "off").length;
  return html`<section class="chart" aria-label=${`Lifecycle ${chart.name}`}>
    <h3>${chart.name} <small>${done} of ${possible} ways exercised</small></h3>
    <p class="about">${chart.doc}</p>
    <div class="scroll" tabindex="0" role="region" aria-label=${`Lifecycle ${chart.name}, scrolls sideways`}>
      <svg width=${size.width} height=${size.height} viewBox=${`0 ${top} ${size.width} ${size.height}`} role="img" aria-labelledby=${`chart-${chart.name}`}>
        <title id=${`chart-${chart.name}`}>${`Lifecycle ${chart.name}: ${done} of ${possible} ways exercised; the list below names them`}</title>
        <defs>${["taken", "untaken", "off"].map((kind) => html`<marker id=${`tip-${chart.name}-${kind}`} class=${`tip ${kind}`}
          viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 .5 8 4 0 7.5z" /></marker>`)}</defs>
        ${edges.map((edge) => html`<path class=${`edge ${edge.kind} ${looked && looked !== edge.source && looked !== edge.target ? "far" : ""}`}
          d=${edge.path} marker-end=${`url(#tip-${chart.name}-${edge.kind})`} />`)}
        ${labels.map((edge) => html`<text class=${`edge-label ${edge.kind}`} x=${edge.x} y=${edge.y} text-anchor="middle">${edge.label}</text>`)}
        ${chart.states.map((state) => html`<g class=${`state ${state.final ? "final" : ""} ${state.name === chart.initial ? "initial" : ""}`}
          onMouseEnter=${() => look(state.name)} onMouseLeave=${() => look(null)}>
          <rect x=${place[state.name].x - NODE.width / 2} y=${place[state.name].y - NODE.height / 2} width=${NODE.width} height=${NODE.height} rx="6" />
          <text x=${place[state.name].x} y=${place[state.name].y + 4} text-anchor="middle">${state.name}</text>
        </g>`)}
      </svg>
    </div>
    <details><summary>Every way, with how often it was taken</summary>
      <table class="plain"><thead><tr><th scope="col">from</th><th scope="col">to</th><th scope="col">events</th><th scope="col">taken</th></tr></thead>
      <tbody>${edges.map((edge) => html`<tr class=${edge.kind}><td>${edge.source}</td><td>${edge.target}</td>
        <td>${edge.events.map(({ event, guard }) => (guard ? `${event} [${guard}]` : event)).join(", ")}</td>
        <td>${edge.count ? edge.count.toLocaleString("en") : edge.kind === "off" ? "not allowed here" : "never"}</td></tr>`)}
      ${chart.loops.map((loop) => html`<tr class="loop"><td>${loop.state}</td><td>${loop.state}</td><td>${loop.events.join(", ")}</td><td>changes nothing</td></tr>`)}
      </tbody></table>
    </details>
  </section>`;
}

function Lifecycles() {
  const everyone = DATA.revisions.map((revision) => revision.revision);
  const [chosen, choose] = useState("");
  const names = chosen ? [chosen] : everyone;
  return html`<section aria-labelledby="lifecycles">
    <h2 id="lifecycles">Lifecycles</h2>
    <p class="controls"><label>What was exercised in <select value=${chosen} onChange=${(event) => choose(event.target.value)}>
      ${everyone.length > 1 && html`<option value="">all revisions</option>`}
      ${everyone.map((name) => html`<option value=${everyone.length > 1 ? name : ""}>${name}</option>`)}
    </select></label>
    <span class="sample taken"><i></i>exercised</span> <span class="sample untaken"><i></i>not exercised</span>
    <span class="sample off"><i></i>not allowed in these revisions</span></p>
    ${DATA.charts.map((chart) => html`<${Lifecycle} key=${chart.name} chart=${chart} names=${names} />`)}
  </section>`;
}
