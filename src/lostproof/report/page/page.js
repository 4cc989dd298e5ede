// The page: the matrix or the scenarios, a race with its scrubber, keys, and the address.

const ALL = DATA.command === "run" ? "scenarios" : "matrix";
const KEYS = [
  ["→  l  j", "next step"], ["←  h  k", "previous step"], ["Home  End", "first and last step"],
  ["↓  n", "next race"], ["↑  p", "previous race"], ["Esc", `back to the ${ALL}`], ["t", "light or dark"], ["?", "this help"],
];

// -- the matrix

function Mark({ verdict }) {
  return html`<span class=${`mark ${verdict}`} aria-hidden="true">${DATA.looks[verdict]}</span>`;
}

const inWords = (revision, told) => [
  `${revision}, ${told.id}: ${told.word}`, told.faults ? plural(told.faults, "fault") : "", told.slice ? `slice ${told.slice}` : "",
  told.drift ? `drift: ${told.expected ?? "nothing"} was expected` : "",
].filter(Boolean).join(", ");

function Cell({ revision, told }) {
  const inside = html`<${Mark} verdict=${told.verdict} />${told.steps !== null && html`<span>${told.steps}</span>`}
    ${told.drift && html`<b class="drift">!</b>`}`;
  const words = inWords(revision, told);
  return html`<td class=${told.verdict}>${told.race === null
    ? html`<span class="cell" title=${told.reason || words}>${inside}<span class="sr">${words}</span></span>`
    : html`<a class="cell" href=${hashOf(told.race)} data-race=${told.race} title=${words} aria-label=${words}>${inside}</a>`}</td>`;
}

function PropertyHead({ property }) {
  return html`<th scope="row"><details><summary>${property.id}<small>${property.sentence}</small></summary>
    <code class="formula">${property.formula}</code> <small>${property.kind} property</small></details></th>`;
}

const SIZES = [
  ["states", (result) => result.states.toLocaleString("en")], ["transitions", (result) => result.transitions.toLocaleString("en")],
  ["depth", (result) => result.depth], ["state space", (result) => (result.closed ? "closed" : "not closed")],
];

function Matrix() {
  return html`<div class="scroll wide" tabindex="0" role="region" aria-label="Matrix, scrolls sideways"><table class="matrix">
    <caption class="sr">Verdict on each property in each revision; a violated one links to its shortest race</caption>
    <thead><tr><th scope="col">property</th>${DATA.revisions.map((result) => html`<th scope="col" title=${result.title}>${
      result.revision.split(/(?<=-)/).map((part) => html`${part}<wbr />`)}</th>`)}</tr></thead>
    <tbody>${DATA.properties.map((property, row) => html`<tr><${PropertyHead} property=${property} />
      ${DATA.revisions.map((result) => html`<${Cell} revision=${result.revision} told=${result.properties[row]} />`)}</tr>`)}</tbody>
    <tfoot>${SIZES.map(([name, size]) => html`<tr><th scope="row">${name}</th>${
      DATA.revisions.map((result) => html`<td>${size(result)}</td>`)}</tr>`)}</tfoot>
  </table></div>
  <p class="legend">${Object.entries({ holds: "holds", violated: "violated, steps of the shortest race", accepted: "accepted openly", inconclusive: "not explored to the end" })
    .map(([verdict, words]) => html`<span><${Mark} verdict=${verdict} /> ${words}</span>`)}
    ${DATA.command === "matrix" && html`<span><b class="drift">!</b> drift from what is pinned</span>`}</p>`;
}

function Summary() {
  const counts = {};
  for (const result of DATA.revisions) for (const told of result.properties) counts[told.verdict] = (counts[told.verdict] || 0) + 1;
  const told = Object.keys(DATA.looks).filter((verdict) => counts[verdict]).map((verdict) => `${counts[verdict]} ${verdict}`);
  return html`<p class="summary">${plural(DATA.revisions.length, "revision")} · ${plural(DATA.properties.length, "property").replace("propertys", "properties")} ·
    ${" "}${told.join(" · ")} · bounds <code>${DATA.bounds.name}</code>
    ${DATA.command === "matrix" && html` · ${!DATA.pinned ? "nothing is pinned for these bounds"
      : DATA.drift.length ? html`<b class="drift">${plural(DATA.drift.length, "cell")} drifted</b>` : "as pinned"}`}</p>
    ${DATA.command === "matrix" && DATA.drift.length > 0 && html`<ul class="drifts">${DATA.drift.map((one) =>
      html`<li><code>${one.revision} × ${one.property}</code>: expected ${one.expected}, found ${one.found}</li>`)}</ul>`}`;
}

function Revisions() {
  return html`<section aria-labelledby="revisions"><h2 id="revisions">Revisions</h2><dl class="revisions">${DATA.revisions.map((result) => html`
    <dt>${result.revision}</dt><dd>${result.title}<small>${result.source}</small></dd>`)}</dl></section>`;
}

function Bounds() {
  const slices = Object.entries(DATA.bounds.slices);
  const names = Object.keys(slices[0][1]);
  const sweeps = (part) => (part.sweeps === null ? "" : `; ${part.sweeps} sweeps leave an expired row of a vanished run alone at worst`);
  return html`<section aria-labelledby="bounds"><h2 id="bounds">Bounds</h2>
    <details><summary>${plural(slices.length, "slice")} of bounds <code>${DATA.bounds.name}</code>, and the states of each</summary>
    <div class="scroll wide" tabindex="0" role="region" aria-label="Bounds, scrolls sideways"><table class="plain numbers">
      <thead><tr><th scope="col">slice</th>${names.map((name) => html`<th scope="col">${name.replaceAll("_", " ")}</th>`)}</tr></thead>
      <tbody>${slices.map(([slice, bounds]) => html`<tr><th scope="row">${slice}</th>${
        names.map((name) => html`<td class=${bounds[name] ? "" : "zero"}>${bounds[name]}</td>`)}</tr>`)}</tbody></table></div>
    <div class="scroll wide" tabindex="0" role="region" aria-label="States, scrolls sideways"><table class="plain numbers">
      <thead><tr><th scope="col">states in slice</th>${DATA.revisions.map((result) => html`<th scope="col">${result.revision}</th>`)}</tr></thead>
      <tbody>${slices.map(([slice], at) => html`<tr><th scope="row">${slice}</th>${DATA.revisions.map((result) => {
        const part = result.slices[at];
        return html`<td title=${`${part.transitions.toLocaleString("en")} transitions, depth ${part.depth}${sweeps(part)}`}>
          ${part.closed ? part.states.toLocaleString("en") : `more than ${part.limit.toLocaleString("en")}`}</td>`;
      })}</tr>`)}</tbody></table></div></details></section>`;
}

function Exercised() {
  const kinds = { actions: "actions", decisions: "rows of the rule's table" };
  return html`<section aria-labelledby="exercised"><h2 id="exercised">Exercised</h2>${DATA.revisions.map((result) => html`
    <details><summary>${result.revision}: ${Object.entries(kinds).map(([kind, words]) => {
      const { reached, unreached } = result.exercised[kind], count = Object.keys(reached).length;
      return `${count} of ${count + unreached.length} ${words}`;
    }).join(" · ")}</summary>
    ${Object.entries(kinds).map(([kind, words]) => html`<h3>${words}</h3><ul class="names">
      ${Object.entries(result.exercised[kind].reached).map(([name, count]) => html`<li><code>${name}</code> <small>${count.toLocaleString("en")}</small></li>`)}
      ${result.exercised[kind].unreached.map((name) => html`<li class="never"><code>${name}</code> <small>never</small></li>`)}</ul>`)}
    </details>`)}</section>`;
}

// -- scenarios

function ScenarioCell({ told }) {
  if (!told) return html`<td></td>`;
  const verdict = told.passed ? "holds" : "violated";
  const words = `${told.revision}: ${told.passed ? "as expected" : "not as expected"}, ${
    told.violated.length ? `violates ${told.violated.join(", ")}` : "nothing violated"}`;
  return html`<td class=${verdict}><a class="cell" href=${hashOf(told.race)} data-race=${told.race} title=${words} aria-label=${words}>
    <${Mark} verdict=${verdict} />${told.violated.length > 0 && html`<span>${told.violated.length}</span>`}</a></td>`;
}

function Scenarios() {
  const families = [...new Set(DATA.scenarios.map((scenario) => scenario.family))];
  const of = (scenario, name) => scenario.outcomes.find((outcome) => outcome.revision === name);
  const failed = DATA.scenarios.flatMap((scenario) => scenario.outcomes).filter((outcome) => !outcome.passed).length;
  return html`<p class="summary">${plural(DATA.scenarios.length, "scenario")} · ${plural(DATA.races.length, "replay")} ·${" "}
      ${failed ? html`<b class="drift">${failed} not as expected</b>` : "all as expected"}</p>
    <div class="scroll wide" tabindex="0" role="region" aria-label="Scenarios, scrolls sideways"><table class="matrix scenarios">
    <caption class="sr">What each revision made of each scenario; every cell links to the timeline</caption>
    <thead><tr><th scope="col">scenario</th>${DATA.revisions.map((result) => html`<th scope="col" title=${result.title}>${
      result.revision.split(/(?<=-)/).map((part) => html`${part}<wbr />`)}</th>`)}</tr></thead>
    ${families.map((family) => html`<tbody><tr class="family"><th scope="rowgroup" colspan=${DATA.revisions.length + 1}>${family}</th></tr>
      ${DATA.scenarios.filter((scenario) => scenario.family === family).map((scenario) => html`<tr>
        <th scope="row"><details><summary>${scenario.name}<small>${scenario.title}</small></summary><p>${scenario.about}</p>
          ${scenario.source.map((line) => html`<p><small>${line}</small></p>`)}</details></th>
        ${DATA.revisions.map((result) => html`<${ScenarioCell} told=${of(scenario, result.revision)} />`)}</tr>`)}</tbody>`)}
  </table></div>
  <p class="legend"><span><${Mark} verdict="holds" /> as expected</span><span><${Mark} verdict="violated" /> not as expected</span>
    <span>a number: properties that the timeline violates</span></p>`;
}

function Home() {
  return html`<h1 tabindex="-1">${DATA.command === "run" ? "Scenarios" : "Verdicts"}</h1>
    ${DATA.command === "run" ? html`<${Scenarios} />` : html`<${Summary} /><${Matrix} /><${Revisions} /><${Bounds} /><${Exercised} />`}
    <${Lifecycles} />`;
}

// -- a race

const stepInWords = (line, step) => {
  if (!step) return "the beginning: a running gateway, no runs";
  const { lane, label } = line.steps[step - 1];
  return `${line.lanes[lane]}: ${label}`;
};

function Told({ told }) {
  return told.map(([kind, words]) => html`<span class=${`told ${kind}`}>${words}</span>`);
}

function Steps({ race, line, step, go }) {
  const list = useRef(null);
  useLayoutEffect(() => {
    const box = list.current, item = box.querySelector("[aria-current]");
    if (!item) return;
    if (item.offsetTop < box.scrollTop) box.scrollTop = item.offsetTop - 8;
    else if (item.offsetTop + item.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = item.offsetTop + item.offsetHeight - box.clientHeight + 8;
  }, [step, line]);
  return html`<section class="steps" aria-labelledby="steps"><h2 id="steps">Steps</h2>
    <ol ref=${list} tabindex="0" aria-label="All steps">
      ${[0, ...line.steps.map((_, at) => at + 1)].map((number) => {
        const told = number ? line.steps[number - 1] : null;
        const kind = !told ? "" : told.breaks ? "broken" : told.fault ? "fault" : "";
        return html`${number === line.proper + 1 && html`<li class="onwards" aria-hidden="true">and it goes on:</li>`}
          <li class=${`${kind} ${number > line.proper ? "later" : ""}`}>
          <button type="button" tabindex="-1" aria-current=${number === step ? "step" : null} onClick=${() => go(number)}>
            <span class="flag">${line.point === number ? DECIDED : " "}${told && told.breaks ? CROSS : " "}</span>
            <span class="number">${number || ""}</span><time>${clockTime(momentOf(line, number))}</time>
            <span class="what">${told ? html`<b>${line.lanes[told.lane]}</b> ${told.label}` : "the beginning"}</span>
            <span class="changed">${told && html`<${Told} told=${told.told} />`}</span>
          </button></li>`;
      })}</ol></section>`;
}

function Values({ line, cells, explain, ghost }) {
  return html`<table class="values"><tbody>${cells.map((cell) => html`<tr class=${`${cell.changed ? "changed" : ""} ${cell.plain ? "plain" : ""}`}>
    <th scope="row">${cell.field}${cell.owner !== "world" && html` <span>${shortOwner(line, cell.owner)}</span>`}
      ${explain && html`<small>${FIELD[cell.field].doc}</small>`}</th>
    <td>${cell.changed ? html`<del>${cell.was}</del> <span aria-hidden="true">→</span><span class="sr"> becomes </span> <ins>${cell.now}</ins>` : cell.now}</td>
  </tr>`)}</tbody></table>`;
}

function WorldView({ line, step }) {
  const [explain, setExplain] = useState(memory.get("explain") === "yes");
  const homes = worldByHome(line, step);
  const toggle = () => { memory.set("explain", explain ? "no" : "yes"); setExplain(!explain); };
  return html`<section class="world" aria-labelledby="world"><div class="bar"><h2 id="world">The world ${step ? `after step ${step}` : "at the beginning"}</h2>
    <button type="button" class="small" aria-pressed=${String(explain)} onClick=${toggle}>Explain the fields</button></div>
    <div class="homes">${homes.map((home) => html`<section class=${`home ${home.ghost ? "ghost" : home.durable ? "durable" : "volatile"}`} key=${home.name}>
      <h3><i aria-hidden="true">${home.ghost ? "◌" : home.durable ? DURABLE : VOLATILE}</i> ${home.words}
        <small>${home.ghost ? "no process knows it" : home.durable ? "durable" : "volatile"}</small></h3>
      <${Values} line=${line} cells=${home.cells} explain=${explain} />
    </section>`)}</div></section>`;
}

function Scrubber({ line, step, go }) {
  const last = line.steps.length;
  const button = (words, mark, to, off) => html`<button type="button" aria-label=${words} title=${words} aria-disabled=${String(off)} onClick=${() => off || go(to)}>${mark}</button>`;
  return html`<div class="scrubber" role="group" aria-label="Steps of the race">
    ${button("First step", "⇤", 0, step === 0)}${button("Previous step", "←", step - 1, step === 0)}
    <input type="range" min="0" max=${last} value=${step} aria-label="Step" aria-valuetext=${`step ${step} of ${last}, ${stepInWords(line, step)}`}
      onInput=${(event) => go(Number(event.target.value))} />
    ${button("Next step", "→", step + 1, step === last)}${button("Last step", "⇥", last, step === last)}
    <output>${step} / ${last}</output></div>`;
}

function Present({ race, line, step }) {
  const told = step ? line.steps[step - 1] : null;
  const broken = told ? told.broken : [];
  return html`<div class=${`present ${told && told.breaks ? "broken" : told && told.fault ? "fault" : ""}`}>
    <p class="now"><time>${clockTime(momentOf(line, step))}</time> ${told
      ? html`<b>${line.lanes[told.lane]}</b> <code>${told.label}</code> <span class="meaning">${DATA.actions[told.action]}</span>`
      : html`<span class="meaning">The beginning: a running gateway, no runs, and all faults still to come.</span>`}</p>
    <p class="changes">${told ? html`<${Told} told=${told.told} />` : ""}
      ${step === line.point && step > 0 && html`<span class="told decided">${DECIDED} the point of no return</span>`}
      ${told && told.breaks && race.property && html`<span class="told violation">${CROSS} ${race.why}</span>`}
      ${broken.filter(([name]) => name !== race.property).map(([name, subject]) => html`<span class="told violation">${CROSS} ${race.property ? "also " : ""}breaks ${name} (${subject})</span>`)}</p>
  </div>`;
}

function Facts({ race }) {
  const property = race.property && SENTENCE[race.property];
  if (property) {
    return html`<p class="sentence">${property.sentence} <code class="formula">${property.formula}</code></p>
      <p class="why"><b>${CROSS} Why</b> ${race.why}.</p>
      ${race.decided && html`<p class="decided"><b>${DECIDED}</b> ${race.decided}.</p>`}
      <p class="facts"><span class=${`badge ${race.verdict}`}>${DATA.looks[race.verdict]} ${race.verdict}</span>
        <span>${plural(race.length, "step")}</span><span>${plural(race.faults, "fault")}</span><span>slice <code>${race.slice}</code></span>
        <span class="bounds"><code>${Object.entries(race.bounds).filter(([, value]) => value).map(([name, value]) => `${name}=${value}`).join(" ")}</code></span></p>`;
  }
  return html`<${Expected} race=${race} />`;
}

function Expected({ race }) {
  const scenario = DATA.scenarios.find((known) => known.outcomes.some((outcome) => DATA.races[outcome.race] === race));
  const { violates, holds, rows, observes } = race.expected;
  const wanted = [
    violates.length && `violates ${violates.join(", ")}`, holds.length && `holds ${holds.join(", ")}`,
    Object.keys(rows).length && `rows at the end: ${Object.entries(rows).map(([run, row]) => `${run} ${row}`).join(", ")}`,
    observes.length && `seen: ${observes.join(", ")}`,
  ].filter(Boolean);
  return html`<p class="sentence">${scenario.title}</p>
    ${scenario.about && html`<p class="about">${scenario.about}</p>`}
    <p class="facts"><span class=${`badge ${race.verdict}`}>${DATA.looks[race.verdict]} ${race.verdict === "holds" ? "as expected" : "not as expected"}</span>
      <span><b>Expected</b> ${wanted.join("; ") || "nothing in particular"}</span>
      <span><b>Found</b> ${race.violated.length ? `violates ${race.violated.join(", ")}` : "nothing violated"}</span></p>
    ${race.failures.map((line) => html`<p class="why"><b>${CROSS}</b> ${line}</p>`)}
    ${race.lasting.length > 0 && html`<p class="why"><b>${CROSS}</b> and for ever after, if nobody interferes: ${race.lasting.map(([name, subject]) => `${name} (${subject})`).join(", ")}</p>`}
    ${race.tried.length > 0 && html`<details><summary>What comes of each moment that the scenario leaves open</summary><table class="plain">
      <thead><tr><th scope="col">moment</th><th scope="col">rows at the end</th><th scope="col">violates</th></tr></thead><tbody>
      ${race.tried.map(([moment, end, broken]) => html`<tr><td>${moment}</td><td>${end}</td><td>${broken === null ? "not possible then" : broken || "nothing"}</td></tr>`)}
      </tbody></table></details>`}`;
}

function RaceView({ number, step, go, turn }) {
  const race = DATA.races[number], line = race.timeline, count = DATA.races.length;
  const near = (by, words, mark) => html`<button type="button" class="small" title=${words} onClick=${() => turn(by)}>${mark}</button>`;
  const told = step ? line.steps[step - 1] : null;
  const said = `Step ${step} of ${line.steps.length}. ${clockTime(momentOf(line, step))}. ${stepInWords(line, step)}. ${
    told ? told.told.map(([, words]) => words).join(", ") : ""}${told && told.breaks ? ". The violation." : ""}`;
  return html`<nav class="crumbs" aria-label="Races"><a href=${`#${ALL}`}>← ${ALL}</a><span class="of">race ${number + 1} of ${count}</span>
      ${near(-1, "Previous race (p)", "‹ previous race")}${near(1, "Next race (n)", "next race ›")}</nav>
    <h1 tabindex="-1" class="race">${race.property || race.scenario} <small>${race.revision}</small></h1>
    <${Facts} race=${race} />
    <${Diagram} key=${number} race=${race} line=${line} step=${step} go=${go} />
    <div class="cockpit"><${Scrubber} line=${line} step=${step} go=${go} /><${Present} race=${race} line=${line} step=${step} /></div>
    <div class="sr" role="status" aria-live="polite">${said}</div>
    <div class="panes"><${Steps} race=${race} line=${line} step=${step} go=${go} /><${WorldView} line=${line} step=${step} /></div>`;
}

// -- around it

function Help({ close, letters, setLetters }) {
  const dialog = useRef(null);
  useLayoutEffect(() => { dialog.current.showModal(); }, []);
  return html`<dialog ref=${dialog} aria-labelledby="help" onClose=${close}><h2 id="help">Keys</h2>
    <table class="plain"><tbody>${KEYS.map(([keys, words]) => html`<tr><th scope="row">${keys.split("  ").map((key) => html`<kbd>${key}</kbd> `)}</th><td>${words}</td></tr>`)}</tbody></table>
    <p><label><input type="checkbox" checked=${letters} onChange=${(event) => setLetters(event.target.checked)} /> keys that are letters or signs</label></p>
    <form method="dialog"><button>Close</button></form></dialog>`;
}

const DARK = window.matchMedia("(prefers-color-scheme: dark)");

/** The theme: what was chosen, else what the system prefers. */
function useTheme() {
  const [chosen, choose] = useState(memory.get("theme"));
  const [dark, setDark] = useState(DARK.matches);
  useEffect(() => {
    const follow = () => setDark(DARK.matches);
    DARK.addEventListener("change", follow);
    return () => DARK.removeEventListener("change", follow);
  }, []);
  const theme = chosen === "light" || chosen === "dark" ? chosen : dark ? "dark" : "light";
  useLayoutEffect(() => { document.documentElement.dataset.theme = theme; }, [theme]);
  const toggle = () => {
    const next = theme === "dark" ? "light" : "dark";
    memory.set("theme", next);
    choose(next);
  };
  return [theme, toggle];
}

const PAUSE = 350;

/** Puts addresses into the address bar, at once or after a pause: browsers refuse too many in a row. */
class Address {
  write(hash) {
    clearTimeout(this.later);
    const wait = (this.last ?? -PAUSE) + PAUSE - performance.now();
    if (wait > 0) {
      this.later = setTimeout(() => this.write(hash), wait);
      return;
    }
    this.last = performance.now();
    history.replaceState(null, "", hash);
  }

  leave() { clearTimeout(this.later); }
}

/** Where the page is; the address follows, and is followed. */
function usePlace() {
  const [place, put] = useState(() => placeOf(location.hash));
  // Keys can come faster than the page is drawn: the next step is counted from here.
  const now = useRef(place), address = useRef(new Address());
  const move = (next) => { now.current = next; put(next); };
  useEffect(() => {
    const follow = () => {
      address.current.leave();
      move(placeOf(location.hash));
    };
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  const show = (race, step) => {
    move({ race, step });
    address.current.write(hashOf(race, step));
  };
  const last = () => DATA.races[now.current.race].timeline.steps.length;
  return {
    place, now,
    go: (step) => show(now.current.race, Math.min(Math.max(step, 0), last())),
    walk: (by) => show(now.current.race, Math.min(Math.max(now.current.step + by, 0), last())),
    turn: (by) => show((now.current.race + by + DATA.races.length) % DATA.races.length, 0),
    leave: () => {
      address.current.leave();
      location.hash = ALL;
    },
  };
}

/** What a key does; nothing for most. */
function deed({ key, target }, { now, go, walk, turn, leave }, { toggle, setHelp, letters }) {
  if (target.matches?.("select, textarea, input:not([type=range])")) return null;
  if (key.length === 1 && !letters) return null;
  if (key === "?") return () => setHelp(true);
  if (key === "t") return toggle;
  if (now.current.race === null || (target.matches?.("input") && /^(Arrow|Home|End|Page)/.test(key))) return null;
  if (target.matches?.(".scroll, ol") && /^Arrow(Up|Down)$/.test(key)) return null;
  return {
    ArrowRight: () => walk(1), l: () => walk(1), j: () => walk(1),
    ArrowLeft: () => walk(-1), h: () => walk(-1), k: () => walk(-1),
    Home: () => go(0), End: () => go(Infinity), Escape: leave,
    ArrowDown: () => turn(1), n: () => turn(1), ArrowUp: () => turn(-1), p: () => turn(-1),
  }[key];
}

function useKeys(moves, settings) {
  const latest = useRef(null);
  latest.current = settings;
  useLayoutEffect(() => {
    const press = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const does = deed(event, moves, latest.current);
      if (!does) return;
      event.preventDefault();
      does();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

function App() {
  const [theme, toggle] = useTheme();
  const moves = usePlace(), { place, go, turn } = moves;
  const [help, setHelp] = useState(false);
  const [letters, setLetters] = useState(memory.get("letters") !== "no");
  const seen = useRef(place.race);
  useKeys(moves, { toggle, setHelp, letters });
  useLayoutEffect(() => {
    const before = seen.current;
    seen.current = place.race;
    document.title = place.race === null ? `lostproof ${DATA.command}` : `${DATA.races[place.race].key} – lostproof`;
    if (before === place.race) return;
    const back = place.race === null && document.querySelector(`a[data-race="${before}"]`);
    (back || document.querySelector("h1")).focus({ preventScroll: true });
    if (back) back.scrollIntoView({ block: "center" });
    else window.scrollTo(0, 0);
  }, [place.race]);
  return html`<header class="top"><a class="name" href=${`#${ALL}`}>lostproof</a><span class="version">${DATA.lostproof} · ${DATA.command}</span><span class="fill"></span>
      <button type="button" class="small" onClick=${toggle} aria-label=${`Use the ${theme === "dark" ? "light" : "dark"} theme`} title="Light or dark (t)">${theme === "dark" ? "light" : "dark"}</button>
      <button type="button" class="small" onClick=${() => setHelp(true)} aria-label="Keys" title="Keys (?)">?</button></header>
    <main id="content" tabindex="-1">
      ${place.problem && html`<p class="problem" role="alert">${place.problem} ${place.race === null ? `Here is the ${ALL}.` : "Here is its beginning."}</p>`}
      ${place.race === null ? html`<${Home} />` : html`<${RaceView} number=${place.race} step=${place.step} go=${go} turn=${turn} />`}
    </main>
    ${help && html`<${Help} close=${() => setHelp(false)} letters=${letters} setLetters=${(on) => { memory.set("letters", on ? "yes" : "no"); setLetters(on); }} />`}`;
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("content").focus();
});
render(html`<${App} />`, document.getElementById("app"));
