// The Overview's live figures: one stream of the browser (live-worker.js), four numbers, two uPlot charts. Nothing of it crosses the circuit.
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

const window_ = 300; // seconds on the time axis
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const small = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

const show = value => value == null ? '–' : value >= 100 ? number.format(value) : value >= 10 ? small.format(value) : fine.format(value);
const clock = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The browser's one stream of this address, or this page's own where a browser has no shared workers. */
function listen(url, take, lost) {
  if (typeof SharedWorker === 'undefined') {
    let source, retry;
    const open = () => {
      source = new EventSource(url);
      source.addEventListener('stats', e => take(e.data));
      source.onerror = () => {
        lost();
        if (source.readyState === EventSource.CLOSED) retry = setTimeout(open, 3000);
      };
    };
    open();
    return () => { clearTimeout(retry); source.close(); };
  }
  const { port } = new SharedWorker(new URL('./live-worker.js', import.meta.url), { name: 'managed-live' });
  port.onmessage = ({ data }) => data.lost ? lost() : take(data.sample);
  port.postMessage({ url });
  const leave = () => port.postMessage({ leave: true });
  const come = e => { if (e.persisted) port.postMessage({ url }); };
  addEventListener('pagehide', leave);
  addEventListener('pageshow', come);
  return () => {
    removeEventListener('pagehide', leave);
    removeEventListener('pageshow', come);
    leave();
    port.close();
  };
}

class LiveChart {
  constructor(root, url) {
    Object.assign(this, { root, url, rows: [[], [], [], [], []] }); // time, rps, p50, p95, p99
    this.stats = Object.fromEntries([...root.querySelectorAll('[data-stat]')].map(e => [e.dataset.stat, e]));
    this.note = root.querySelector('[data-note]');
    this.errorTile = root.querySelector('[data-tone]');
    this.draw();
    this.themes = new MutationObserver(() => this.draw());
    this.themes.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    this.sizes = new ResizeObserver(() => this.fit());
    root.querySelectorAll('.plot').forEach(p => this.sizes.observe(p));
    this.seed();
    this.connect();
  }

  /** What the node remembers of the last minutes, a point in ten seconds; the page's own samples follow it. */
  async seed() {
    try {
      const answer = await fetch(this.url.replace(/stats\/stream.*/, 'stats/traffic?range=5m'));
      if (!answer.ok) return;
      const { times, series } = await answer.json();
      const of = name => series.find(s => s.name === name)?.values ?? [];
      const columns = [times.map(t => t / 1000), of('requests'), of('p50'), of('p95'), of('p99')];
      const until = this.rows[0][0] ?? Infinity;
      const count = columns[0].filter(t => t < until).length;
      this.rows = this.rows.map((own, i) => [...Array.from({ length: count }, (_, at) => columns[i][at] ?? null), ...own]);
      this.draw();
    } catch { /* the chart begins empty */ }
  }

  connect() {
    if (!this.rows[0].length) this.state('waiting', 'Waiting for the first sample…');
    this.stop = listen(this.url, data => this.take(JSON.parse(data)), () =>
      this.state('stale', this.rows[0].length ? 'Live figures have stopped; connecting again. These are the last ones.' : 'No live figures: the node does not answer. Connecting again.'));
  }

  state(name, text) { this.root.dataset.state = name; this.note.textContent = text; }

  take(sample) {
    this.state('live', '');
    const row = [Date.parse(sample.time) / 1000 || Date.now() / 1000, sample.rps, sample.p50_ms, sample.p95_ms, sample.p99_ms];
    this.rows.forEach((column, i) => column.push(row[i] ?? null));
    while (this.rows[0][0] < row[0] - window_) this.rows.forEach(column => column.shift());
    this.stats.rps.textContent = show(sample.rps);
    this.stats.errors.textContent = sample.rps > 0 ? fine.format((sample.error_share ?? 0) * 100) : '–';
    this.stats.refused.textContent = sample.rps > 0 && sample.client_error_share != null ? fine.format(sample.client_error_share * 100) : '–';
    this.stats.p99.textContent = show(sample.p99_ms);
    this.stats.connections.textContent = number.format(sample.connections ?? 0);
    this.errorTile.dataset.tone = sample.error_share > 0.01 ? 'bad' : sample.error_share > 0.001 ? 'warn' : 'none';
    const range = { min: row[0] - window_, max: row[0] };
    for (const [chart, columns] of [[this.rps, [0, 1]], [this.latency, [0, 2, 3, 4]]]) {
      chart.batch(() => { chart.setData(columns.map(c => this.rows[c]), false); chart.setScale('x', range); chart.setScale('y', this.yRange(columns.slice(1))); });
    }
  }

  /** From zero to a round number above the highest sample, so that the line is never a lie about its size. */
  yRange(columns) {
    let top = 0;
    for (const c of columns) for (const v of this.rows[c]) if (v > top) top = v;
    if (top <= 0) return { min: 0, max: 1 };
    const step = 10 ** Math.floor(Math.log10(top));
    return { min: 0, max: Math.ceil(top * 1.1 / step * 2) / 2 * step };
  }

  draw() {
    this.rps?.destroy();
    this.latency?.destroy();
    const axis = { stroke: css('--muted'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false }, font: '11px ui-sans-serif, system-ui, sans-serif' };
    const options = series => ({
      width: 400, height: 168, legend: { show: false }, cursor: { y: false, points: { size: 6 }, sync: { key: 'managed' } },
      scales: { x: { time: true }, y: { auto: false, range: (u, min, max) => [min ?? 0, max ?? 1] } },
      padding: [8, 20, 0, 0],
      axes: [
        { ...axis, space: 80, size: 28, values: (u, values) => values.map(v => clock.format(v * 1000)) },
        { ...axis, size: 52, space: 34, values: (u, values) => values.map(v => v >= 10 || Number.isInteger(v) ? number.format(v) : String(v)) },
      ],
      series: [{}, ...series],
    });
    const line = (colour, more) => ({ stroke: css(colour), width: 1.5, points: { show: false }, ...more });
    const host = name => { const e = this.root.querySelector(`[data-plot="${name}"]`); e.replaceChildren(); return e; };
    this.rps = new uPlot(options([line('--chart-1', { fill: css('--chart-fill') })]), [this.rows[0], this.rows[1]], host('rps'));
    this.latency = new uPlot(options([line('--chart-3', { dash: [2, 3] }), line('--chart-2', { dash: [6, 3] }), line('--chart-1')]), [0, 2, 3, 4].map(c => this.rows[c]), host('latency'));
    const now = this.rows[0].at(-1) ?? Date.now() / 1000;
    for (const [chart, columns] of [[this.rps, [1]], [this.latency, [2, 3, 4]]])
      chart.batch(() => { chart.setScale('x', { min: now - window_, max: now }); chart.setScale('y', this.yRange(columns)); });
    this.fit();
  }

  fit() {
    for (const chart of [this.rps, this.latency]) {
      const width = chart.root.parentElement?.clientWidth ?? 0;
      if (width > 0 && width !== chart.width) chart.setSize({ width, height: 168 });
    }
  }

  dispose() {
    this.stop();
    this.themes.disconnect();
    this.sizes.disconnect();
    this.rps.destroy();
    this.latency.destroy();
  }
}

// Without a root somebody has left the page while this script was on its way.
export const mount = (root, url) => root ? new LiveChart(root, url) : { dispose() {} };
