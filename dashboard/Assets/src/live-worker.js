// One stream of figures for each browser, however many tabs look: browsers open six connections to one host, and a stream holds one.
const streams = new Map(); // address → { source, ports, last }

function open(url, stream) {
  stream.source = new EventSource(url);
  stream.source.addEventListener('stats', e => {
    stream.last = e.data;
    for (const port of stream.ports) port.postMessage({ sample: e.data });
  });
  stream.source.onerror = () => {
    stream.last = null;
    for (const port of stream.ports) port.postMessage({ lost: true });
    // EventSource gives up after an answer that is not 200 (the API restarts, a proxy says 502): start over.
    if (stream.source.readyState === EventSource.CLOSED) stream.retry = setTimeout(() => { if (stream.ports.size) open(url, stream); }, 3000);
  };
}

function leave(port) {
  for (const [url, stream] of streams) {
    if (!stream.ports.delete(port) || stream.ports.size) continue;
    clearTimeout(stream.retry);
    stream.source.close();
    streams.delete(url);
  }
}

self.onconnect = e => {
  const port = e.ports[0];
  port.onmessage = ({ data }) => {
    if (data.leave) { leave(port); return; }
    let stream = streams.get(data.url);
    if (!stream) {
      streams.set(data.url, stream = { ports: new Set(), last: null });
      open(data.url, stream);
    }
    stream.ports.add(port);
    if (stream.last) port.postMessage({ sample: stream.last });
  };
  port.start();
};
