// The sign-in form: a token against a session cookie. Everything else on that page is plain HTML.
const form = document.getElementById('sign-in');
const field = document.getElementById('token');
const message = document.getElementById('message');
const button = form.querySelector('button');

function say(text) {
  message.textContent = text;
  message.hidden = !text;
  field.setAttribute('aria-invalid', text ? 'true' : 'false');
}

// Only a path of this site: "//host" and "/\host" would leave it.
function whereTo() {
  const back = new URLSearchParams(location.search).get('return') ?? '/';
  return /^\/(?![/\\])/.test(back) ? back : '/';
}

const reason = new URLSearchParams(location.search).get('reason') ?? new URLSearchParams(location.search).get('error');
const notes = {
  expired: 'Your session has ended. Sign in again.',
  out: 'You are signed out.',
  code: 'This sign-in link was used already or is too old. Sign in with the token.',
};
const note = document.getElementById('note');
if (reason) { note.textContent = notes[reason] ?? notes.code; note.hidden = false; }

form.addEventListener('submit', async e => {
  e.preventDefault();
  const token = field.value.trim();
  if (!token) { say('Paste the token first.'); field.focus(); return; }
  button.disabled = true;
  say('');
  try {
    const answer = await fetch('/api/v1/auth/login', {
      method: 'POST', headers: { 'Content-Type': 'application/json', Accept: 'application/json' }, body: JSON.stringify({ token }),
    });
    if (answer.ok) { location.assign(whereTo()); return; }
    if (answer.status === 401 || answer.status === 403) say('This token is not known here.');
    else if (answer.status === 429) say(`Too many attempts. Try again in ${answer.headers.get('Retry-After') ?? 'some'} seconds.`);
    else say(`The admin API answered ${answer.status}.`);
  } catch {
    say('The admin API does not answer.');
  }
  button.disabled = false;
  field.focus();
  field.select();
});
