// The Traffic page: charts over the kept history, one crosshair and one zoom for all, and a mark wherever a version went live.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

const every = 10_000;
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const show = (value, unit) => value == null ? '–' : (value >= 10 || value === 0 ? number.format(value) : fine.format(value)) + unit;
const clock = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const dashes = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
const around = 300; // seconds before and after a version that are compared

const element = (tag, properties, ...children) => { const e = Object.assign(document.createElement(tag), properties); e.append(...children); return e; };
const mean = values => { const known = values.filter(v => v != null); return known.length ? known.reduce((a, b) => a + b, 0) / known.length : null; };

class Traffic {
  constructor(root, dotnet) {
    Object.assign(this, { root, dotnet, charts: new Map(), marks: [], picked: null, zoom: null, paused: false });
    this.note = root.querySelector('[data-note]');
    this.detail = root.querySelector('[data-mark]');
    this.pause = root.querySelector('[data-pause]');
    this.pause.onclick = () => { this.paused = !this.paused; this.sayPaused(); if (!this.paused) this.load(); };
    this.themes = new MutationObserver(() => this.redraw());
    this.themes.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    this.sizes = new ResizeObserver(() => { for (const chart of this.charts.values()) this.fit(chart); });
    this.sizes.observe(root);
    this.timer = setInterval(() => { if (!this.paused && !document.hidden) this.load(); }, every);
  }

  sayPaused() { this.pause.textContent = this.paused ? 'Go on' : 'Pause'; this.pause.setAttribute('aria-pressed', String(this.paused)); }

  /** @param wanted {range, of, metric} */
  look(wanted) {
    this.wanted = wanted;
    this.zoom = null;
    this.load();
  }

  async load() {
    const mine = this.loading = {};
    const { range, of, metric } = this.wanted;
    const ask = async (by, more = {}) => {
      const answer = await fetch('/api/v1/stats/traffic?' + new URLSearchParams({ range, by, of, ...more }));
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail ?? `the node answered ${answer.status}`);
      return answer.json();
    };
    try {
      const wanted = this.plots().map(p => ask(p.by, p.compares ? { metric } : {}));
      const [versions, ...data] = await Promise.all([fetch('/api/v1/versions?page_size=100').then(r => r.ok ? r.json() : { items: [] }), ...wanted]);
      if (this.loading !== mine) return;
      const since = data[0].times[0] ?? Infinity;
      this.marks = versions.items.filter(v => v.state !== 'rejected' && v.state !== 'pending' && Date.parse(v.created_at) >= since).map(v => ({ ...v, at: Date.parse(v.created_at) / 1000 }));
      this.data = new Map(this.plots().map((p, i) => [p.by, data[i]]));
      this.note.textContent = data[0].times.length < 2 ? 'Nothing is known of this time yet: a point comes every ten seconds.' : '';
      this.redraw();
    } catch (e) {
      if (this.loading === mine) this.note.textContent = `Could not read the traffic: ${e.message}. What is shown is what was known last; it is tried again.`;
    }
  }

  plots() { return [...this.root.querySelectorAll('[data-plot]')].map(host => ({ host, by: host.dataset.plot, compares: host.dataset.compares !== undefined, unit: host.dataset.unit ?? '' })); }

  unitOf(plot) { return !plot.compares ? plot.unit : this.wanted.metric.startsWith('p') ? ' ms' : this.wanted.metric === 'connections' ? '' : '/s'; }

  redraw() {
    if (!this.data) return;
    for (const plot of this.plots()) {
      const { times, series } = this.data.get(plot.by);
      const shape = JSON.stringify([series.map(s => s.name), this.unitOf(plot), css('--series-1')]);
      let chart = this.charts.get(plot.by);
      if (chart?.shape !== shape) {
        chart?.destroy();
        plot.host.replaceChildren();
        if (!series.length) { this.charts.delete(plot.by); plot.host.append(element('p', { className: 'blank-line muted', textContent: 'Nothing had traffic in this time.' })); continue; }
        chart = this.make(plot, series);
        chart.shape = shape;
        this.charts.set(plot.by, chart);
      }
      chart.setData([times.map(t => t / 1000), ...series.map(s => s.values)], false);
      const end = Date.now() / 1000, range = this.zoom ?? { min: Math.max(times[0] / 1000 || end - 60, end - seconds(this.wanted.range)), max: Math.max(times.at(-1) / 1000 || end, (times[0] / 1000 || 0) + 60) };
      chart.batch(() => { chart.setScale('x', range); chart.setScale('y', { min: 0, max: top(series) }); });
      this.fit(chart);
    }
    if (this.picked) this.explain(this.picked);
  }

  make(plot, series) {
    const unit = this.unitOf(plot);
    const axis = { stroke: css('--muted'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false }, font: '11px ui-sans-serif, system-ui, sans-serif' };
    const colour = i => css(`--series-${i % 10 + 1}`);
    return new uPlot({
      width: 400, height: 190, padding: [18, 8, 0, 0],
      legend: { show: true, live: true }, cursor: { y: false, points: { size: 6 }, sync: { key: 'traffic' }, drag: { x: true, y: false, setScale: false } },
      scales: { x: { time: true, auto: false }, y: { auto: false, range: (u, min, max) => [min ?? 0, max ?? 1] } },
      axes: [
        { ...axis, space: 90, size: 28, incrs: [60, 120, 300, 600, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 432_000], values: (u, values) => values.map(v => (seconds(this.wanted.range) > 86_400 ? day : clock).format(v * 1000)) },
        { ...axis, size: 52, space: 34, values: (u, values) => values.map(v => number.format(v)) },
      ],
      series: [{ label: 'Time', value: (u, v) => v == null ? '–' : day.format(v * 1000) },
        ...series.map((s, i) => ({ label: s.name, stroke: plot.by === 'class' ? css(`--class-${s.name[0]}`) || colour(i) : colour(i), dash: dashes[i % dashes.length], width: 1.5, spanGaps: false, points: { show: false }, value: (u, v) => show(v, unit) }))],
      hooks: {
        draw: [u => this.drawMarks(u, plot)],
        setSelect: [u => {
          if (u.select.width < 8) return;
          this.zoom = { min: u.posToVal(u.select.left, 'x'), max: u.posToVal(u.select.left + u.select.width, 'x') };
          u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          this.redraw();
        }],
        ready: [u => u.over.addEventListener('dblclick', () => { this.zoom = null; this.redraw(); })],
      },
    }, [[], ...series.map(() => [])], plot.host);
  }

  drawMarks(u, plot) {
    const { ctx, bbox } = u;
    u.over.querySelectorAll('.version-mark').forEach(m => m.remove());
    ctx.save();
    ctx.strokeStyle = css('--muted');
    ctx.setLineDash([3, 3]);
    let lastLeft = -Infinity;
    for (const mark of [...this.marks].reverse()) {
      const left = u.valToPos(mark.at, 'x');
      if (left < 0 || left > u.over.clientWidth) continue;
      const x = Math.round(u.valToPos(mark.at, 'x', true)) + 0.5;
      ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
      const crowded = left - lastLeft < 30;
      const button = element('button', { type: 'button', className: crowded ? 'version-mark crowded' : 'version-mark', textContent: crowded ? '' : `v${mark.version}`, title: `v${mark.version} by ${mark.author}${mark.comment ? ': ' + mark.comment : ''}` });
      button.setAttribute('aria-label', `v${mark.version}: before and after`);
      if (plot.host !== this.root.querySelector('[data-plot]')) button.tabIndex = -1; // the same marks on each chart: once for keys
      button.style.left = `${left}px`;
      button.onclick = e => { e.stopPropagation(); this.explain(mark, true); };
      u.over.append(button);
      if (!crowded) lastLeft = left;
    }
    ctx.restore();
  }

  /** What a version did to the traffic: the minutes before it against those after it, as far as no other version is between. */
  explain(mark, move = false) {
    this.picked = mark;
    const others = this.marks.map(m => m.at).filter(t => t !== mark.at);
    const from = Math.max(mark.at - around, ...others.filter(t => t < mark.at)), to = Math.min(mark.at + around, ...others.filter(t => t > mark.at));
    const of = (by, name) => {
      const { times, series } = this.data.get(by) ?? { times: [], series: [] };
      const values = series.find(s => s.name === name)?.values ?? [];
      const part = (a, b) => mean(values.filter((v, i) => times[i] / 1000 > a && times[i] / 1000 <= b));
      return [part(from, mark.at), part(mark.at, to)];
    };
    const sum = [...'12345'].map(c => of('class', `${c}xx`)).reduce(([a, b], [c, d]) => [a == null && c == null ? null : (a ?? 0) + (c ?? 0), b == null && d == null ? null : (b ?? 0) + (d ?? 0)], [null, null]);
    const rows = [['Requests', sum, '/s'], ['4xx', of('class', '4xx'), '/s'], ['5xx', of('class', '5xx'), '/s'], ['Latency p50', of('latency', 'p50'), ' ms'], ['Latency p99', of('latency', 'p99'), ' ms']];
    const table = element('table', {}, element('thead', {}, element('tr', {}, ...['', 'Before', 'After'].map((t, i) => element('th', { scope: 'col', textContent: t, className: i ? 'num' : '' })))),
      element('tbody', {}, ...rows.map(([name, [before, after], unit]) => element('tr', {}, element('th', { scope: 'row', textContent: name }),
        element('td', { className: 'num', textContent: show(before, unit) }), element('td', { className: 'num', textContent: show(after, unit) })))));
    const base = mark.base_version ?? (mark.version > 1 ? mark.version - 1 : null);
    const actions = element('p', { className: 'mark-actions' });
    if (base) actions.append(element('a', { href: `/history/compare/${base}...${mark.version}`, textContent: 'What changed' }), ' ',
      element('button', { type: 'button', className: 'link', textContent: `Roll back to v${base}`, onclick: () => this.dotnet.invokeMethodAsync('OnRollBack', base) }), ' ');
    actions.append(element('a', { href: `/history/${mark.version}`, textContent: `All about v${mark.version}` }), ' ',
      element('button', { type: 'button', className: 'link', textContent: 'Close', onclick: () => { this.picked = null; this.detail.replaceChildren(); this.detail.hidden = true; } }));
    const heading = element('h2', { textContent: `v${mark.version} · ${day.format(mark.at * 1000)} · ${mark.author}`, tabIndex: -1 });
    this.detail.replaceChildren(heading, element('p', { className: 'muted', textContent: mark.comment || 'No comment' }), table, actions);
    this.detail.hidden = false;
    if (move) heading.focus();
  }

  fit(chart) {
    const width = chart.root.parentElement?.clientWidth ?? 0;
    if (width > 0 && width !== chart.width) chart.setSize({ width, height: 190 });
  }

  dispose() {
    clearInterval(this.timer);
    this.loading = null;
    this.themes.disconnect();
    this.sizes.disconnect();
    for (const chart of this.charts.values()) chart.destroy();
  }
}

const seconds = text => Number.parseFloat(text) * { s: 1, m: 60, h: 3600, d: 86_400 }[text.at(-1)];

/** A round number above the highest value, so that the line is never a lie about its size. */
function top(series) {
  let high = 0;
  for (const s of series) for (const v of s.values) if (v > high) high = v;
  if (high <= 0) return 1;
  const step = 10 ** Math.floor(Math.log10(high));
  return Math.ceil(high * 1.1 / step * 2) / 2 * step;
}

// Without a root somebody has left the page while this script was on its way.
export const mount = (root, dotnet) => root ? new Traffic(root, dotnet) : { look() {}, dispose() {} };
