// Two edits of one text made into one, line by line: what only one of them touches is taken from it.

const maxCells = 4_000_000; // comparisons of the middle parts of two texts; above it they count as replaced as wholes

/** Parts of `to` that replace lines [start, end) of `from`. */
function parts(from, to) {
  let start = 0, tail = 0;
  while (start < from.length && start < to.length && from[start] === to[start]) start++;
  while (tail < from.length - start && tail < to.length - start && from.at(-tail - 1) === to.at(-tail - 1)) tail++;
  const rows = from.length - start - tail, columns = to.length - start - tail;
  if (!rows && !columns) return [];
  if (rows * columns > maxCells) return [{ start, end: start + rows, lines: to.slice(start, start + columns) }];
  const width = columns + 1, common = new Uint32Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i--)
    for (let j = columns - 1; j >= 0; j--)
      common[i * width + j] = from[start + i] === to[start + j] ? common[(i + 1) * width + j + 1] + 1 : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
  const found = [];
  for (let i = 0, j = 0; i < rows || j < columns;) {
    if (i < rows && j < columns && from[start + i] === to[start + j]) { i++; j++; continue; }
    const [row, column] = [i, j];
    while ((i < rows || j < columns) && !(i < rows && j < columns && from[start + i] === to[start + j])) {
      if (j >= columns || (i < rows && common[(i + 1) * width + j] >= common[i * width + j + 1])) i++; else j++;
    }
    found.push({ start: start + row, end: start + i, lines: to.slice(start + column, start + j) });
  }
  return found;
}

/** Also neighbours: whether two lines beside each other fit together, nobody but a reader knows. */
const touch = (a, b) => a.start <= b.end && b.start <= a.end;

const within = (base, side, start, end) => {
  const lines = [];
  let at = start;
  for (const part of side) { lines.push(...base.slice(at, part.start), ...part.lines); at = part.end; }
  return [...lines, ...base.slice(at, end)];
};

/**
 * @returns conflicts: the places that both changed, as texts {base, theirs, mine}; text(choice): the merged text, with mine or theirs in those places.
 */
export function merge(baseText, mineText, theirsText) {
  const [base, mine, theirs] = [baseText, mineText, theirsText].map(t => t.split('\n'));
  const [ours, others] = [parts(base, mine), parts(base, theirs)];
  const pieces = [];
  let at = 0;
  while (ours.length || others.length) {
    const group = { mine: [], theirs: [] };
    const first = !others.length || (ours.length && ours[0].start <= others[0].start) ? 'mine' : 'theirs';
    group[first].push((first === 'mine' ? ours : others).shift());
    for (let grown = true; grown;) {
      grown = false;
      if (others.length && group.mine.some(p => touch(p, others[0]))) { group.theirs.push(others.shift()); grown = true; }
      if (ours.length && group.theirs.some(p => touch(p, ours[0]))) { group.mine.push(ours.shift()); grown = true; }
    }
    const all = [...group.mine, ...group.theirs];
    const [start, end] = [Math.min(...all.map(p => p.start)), Math.max(...all.map(p => p.end))];
    pieces.push(base.slice(at, start));
    const [a, b] = [within(base, group.mine, start, end), within(base, group.theirs, start, end)];
    if (!group.theirs.length || a.join('\n') === b.join('\n')) pieces.push(a);
    else if (!group.mine.length) pieces.push(b);
    else pieces.push({ base: base.slice(start, end).join('\n'), theirs: b.join('\n'), mine: a.join('\n'), lines: { mine: a, theirs: b } });
    at = end;
  }
  pieces.push(base.slice(at));
  return {
    conflicts: pieces.filter(p => !Array.isArray(p)),
    text: choice => pieces.flatMap(p => Array.isArray(p) ? p : p.lines[choice]).join('\n'),
  };
}

/** What turns one text into another, as offsets, so that a cursor stays where it was. */
export function changesBetween(fromText, toText) {
  const from = fromText.split('\n');
  const offsets = [0];
  for (const line of from) offsets.push(offsets.at(-1) + line.length + 1);
  return parts(from, toText.split('\n')).map(p => {
    const atEnd = p.end === from.length;
    const start = atEnd && p.start > 0 ? offsets[p.start] - 1 : offsets[p.start];
    const end = atEnd ? fromText.length : offsets[p.end];
    const lines = p.lines.join('\n');
    if (!atEnd) return { from: start, to: end, insert: p.lines.length ? lines + '\n' : '' };
    return { from: start, to: end, insert: p.lines.length && p.start > 0 ? '\n' + lines : lines };
  });
}
