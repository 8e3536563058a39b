// Lua 5.1 for CodeMirror: words, texts, comments and numbers, a line at a time.
import { StreamLanguage } from '@codemirror/language';

const words = new Set(['and', 'break', 'do', 'else', 'elseif', 'end', 'for', 'function', 'goto', 'if', 'in', 'local', 'not', 'or', 'repeat', 'return', 'then', 'until', 'while']);
const atoms = new Set(['true', 'false', 'nil']);
const opens = /^(?:function|do|then|repeat|else|\{|\()$/, closes = /^\s*(?:end|until|else|elseif|\}|\))/;

/** To the end of a long bracket: [==[ … ]==]. */
function long(level, style) {
  return (stream, state) => {
    const end = `]${'='.repeat(level)}]`;
    if (stream.skipTo(end)) { stream.match(end); state.inside = null; } else stream.skipToEnd();
    return style;
  };
}

function text(quote) {
  return (stream, state) => {
    for (let c; (c = stream.next());) {
      if (c === '\\') stream.next();
      else if (c === quote) { state.inside = null; return 'string'; }
    }
    if (!stream.string.endsWith('\\')) state.inside = null; // a text ends with its line
    return 'string';
  };
}

export const lua = StreamLanguage.define({
  name: 'lua',
  startState: () => ({ inside: null, depth: 0 }),
  token(stream, state) {
    if (state.inside) return state.inside(stream, state);
    if (stream.eatSpace()) return null;
    const comment = stream.match('--');
    const bracket = stream.match(/^\[(=*)\[/);
    if (bracket) { state.inside = long(bracket[1].length, comment ? 'comment' : 'string'); return state.inside(stream, state); }
    if (comment) { stream.skipToEnd(); return 'comment'; }
    if (stream.match(/^0x[\da-f]+|^\d+\.?\d*(?:e[+-]?\d+)?/i)) return 'number';
    const word = stream.match(/^[A-Za-z_]\w*/);
    if (word) {
      if (opens.test(word[0]) && word[0] !== 'else') state.depth++;
      if (word[0] === 'end' || word[0] === 'until') state.depth = Math.max(0, state.depth - 1);
      return words.has(word[0]) ? 'keyword' : atoms.has(word[0]) ? 'atom' : /^\s*[({"']/.test(stream.string.slice(stream.pos)) ? 'propertyName' : null;
    }
    const c = stream.next();
    if (c === '"' || c === "'") { state.inside = text(c); return state.inside(stream, state); }
    if (c === '{' || c === '(') state.depth++;
    if (c === '}' || c === ')') state.depth = Math.max(0, state.depth - 1);
    return /[{}()[\],;.:]/.test(c) ? 'punctuation' : null;
  },
  indent: (state, after, context) => Math.max(0, state.depth - (closes.test(after) ? 1 : 0)) * context.unit,
  languageData: { commentTokens: { line: '--' }, closeBrackets: { brackets: ['(', '[', '{', '"', "'"] }, indentOnInput: /^\s*(?:end|else|elseif|until|\}|\))$/ },
});
