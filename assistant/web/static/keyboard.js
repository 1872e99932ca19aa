// A Vietnamese keyboard on the screen, for the question box. What is tapped is what appears: letters with their hats
// have keys of their own, tone marks go to the syllable before the cursor. Telex is for those who are used to it.
// Own work, because keyboards that are libraries know no Telex.
const ROWS = ['1234567890', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm,.?'];
const HATS = 'ăâêôơưđ', TONES = 'áàảãạ';
const TONE_MARKS = ['\u0301', '\u0300', '\u0309', '\u0303', '\u0323'];  // as in TONES and in 'sfrxj'
const BARE = { 'ă': 'a', 'â': 'a', 'ê': 'e', 'ô': 'o', 'ơ': 'o', 'ư': 'u', 'đ': 'd' };
const HATTED = { aa: 'â', aw: 'ă', ee: 'ê', oo: 'ô', ow: 'ơ', uw: 'ư', dd: 'đ' };
const VOWELS = /[aăâeêioôơuưy]/;
let telex = false, words = {};

const bare = (letter) => BARE[letter.toLowerCase()] || letter.toLowerCase();
const withoutTone = (text) => text.normalize('NFD').replace(/[\u0301\u0300\u0309\u0303\u0323]/g, '').normalize('NFC');
const toneOf = (text) => TONE_MARKS.find((mark) => text.normalize('NFD').includes(mark)) || '';

// Where the tone mark of a syllable without one stands; -1 without a vowel.
const place = (syllable) => {
  const lower = syllable.toLowerCase();
  const hat = Math.max(...[...'ăâêôơ'].map((letter) => lower.lastIndexOf(letter)));
  if (hat >= 0) return hat;
  let start = lower.search(VOWELS);
  if (start < 0) return -1;
  const glide = /^(qu|gi)[aăâeêioôơuưy]/.exec(lower);
  if (glide) start = 2;
  let end = start;
  while (end < lower.length && VOWELS.test(lower[end])) end++;
  const count = end - start;
  if (count === 3) return start + 1;
  return count === 2 && end < lower.length ? start + 1 : start;
};

const syllableBefore = (text) => /[\p{L}\p{M}]*$/u.exec(text)[0];

// The text with another tone for its last syllable, or null if it has no vowel.
const toned = (text, mark) => {
  const last = syllableBefore(text), plain = withoutTone(last), at = place(plain);
  if (at < 0) return null;
  const marked = plain.slice(0, at) + (plain[at] + mark).normalize('NFC') + plain.slice(at + 1);
  return text.slice(0, text.length - last.length) + marked;
};

// A letter more; the tone moves where the longer syllable wants it.
const longer = (text, letter) => {
  const tone = toneOf(syllableBefore(text)), more = text + letter;
  return tone ? toned(more, tone) : more;
};

const hatted = (text, hat) => {
  const last = text.slice(-1), plain = withoutTone(last);
  if (last && bare(plain) === bare(hat)) {
    const tone = toneOf(syllableBefore(text)), hats = text.slice(0, -1) + hat;
    return tone ? toned(hats, tone) : hats;
  }
  return longer(text, hat);
};

/** The text before the cursor after a key; exported for the tests. */
export const pressed = (text, key, byTelex = telex) => {
  const tone = TONES.indexOf(key);
  if (tone >= 0) return toned(text, TONE_MARKS[tone]) ?? text + key;
  if (HATS.includes(key)) return hatted(text, key);
  if (byTelex) {
    const mark = 'sfrxj'.indexOf(key), last = syllableBefore(text);
    if (mark >= 0 && VOWELS.test(withoutTone(last).toLowerCase())) {
      if (toneOf(last) === TONE_MARKS[mark]) return text.slice(0, text.length - last.length) + withoutTone(last) + key;  // twice: the letter
      return toned(text, TONE_MARKS[mark]);
    }
    if (key === 'z' && toneOf(last)) return toned(text, '');
    if (key === 'w' && /[uư]o[^\s]*$/i.test(withoutTone(last))) {
      const at = withoutTone(last).search(/[uư]o/i), tone = toneOf(last), plain = withoutTone(last);
      const both = text.slice(0, text.length - last.length) + plain.slice(0, at) + 'ươ' + plain.slice(at + 2);
      return tone ? toned(both, tone) : both;
    }
    // The hat may be typed after the rest of the syllable ("dangd" is "đang"); typed once more it goes.
    const whole = withoutTone(last);
    for (let at = whole.length - 1; at >= 0; at--) {
      const hat = HATTED[bare(whole[at]) + key];
      if (!hat || (key === 'd' && at > 0)) continue;
      const start = text.slice(0, text.length - last.length), rest = whole.slice(at + 1), tone = toneOf(last);
      const changed = whole[at] === hat ? start + whole.slice(0, at) + bare(hat) + rest + key : start + whole.slice(0, at) + hat + rest;
      return tone ? toned(changed, tone) : changed;
    }
  }
  return longer(text, key);
};

const box = () => document.querySelector('#box textarea');

const put = (change) => {
  const area = box(), before = area.value.slice(0, area.selectionStart), after = area.value.slice(area.selectionEnd);
  const text = change(before);
  area.value = text + after;
  area.setSelectionRange(text.length, text.length);
  area.dispatchEvent(new Event('input', { bubbles: true }));
};

const key = (label, act, { kind = '', name = '', pressed: on } = {}) => {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = kind;
  button.textContent = label;
  if (name) button.setAttribute('aria-label', name);
  if (on !== undefined) button.setAttribute('aria-pressed', on);
  button.onpointerdown = (event) => event.preventDefault();  // the cursor stays in the box
  button.onclick = () => act(button);
  return button;
};

const row = (...buttons) => { const line = document.createElement('div'); line.append(...buttons); return line; };

const build = () => {
  const keyboard = document.createElement('div');
  keyboard.id = 'keys';
  keyboard.setAttribute('role', 'group');
  keyboard.setAttribute('aria-label', words.title);
  const type = (letter) => () => put((text) => pressed(text, letter));
  for (const letters of ROWS) keyboard.append(row(...[...letters].map((letter) => key(letter, type(letter)))));
  keyboard.append(row(
    ...[...HATS].map((letter) => key(letter, type(letter), { kind: 'mark' })),
    ...[...TONES].map((letter, at) => key(letter, type(letter), { kind: 'mark', name: words.tones[at] })),
  ));
  keyboard.append(row(
    key(words.telex, (button) => { telex = !telex; button.setAttribute('aria-pressed', telex); }, { kind: 'wide', pressed: telex }),
    key(words.space, () => put((text) => text + ' '), { kind: 'wide space' }),
    key(words.erase, () => put((text) => [...text.normalize('NFC')].slice(0, -1).join('')), { kind: 'wide' }),
    key(words.close, () => toggle(words), { kind: 'wide' }),
    key(words.send, () => { document.getElementById('send').click(); toggle(words); }, { kind: 'wide primary' }),
  ));
  return keyboard;
};

/** Show it or put it away. */
export const toggle = (given) => {
  words = given;
  const shown = document.getElementById('keys');
  document.documentElement.toggleAttribute('data-keys', !shown);
  document.getElementById('keys-open')?.setAttribute('aria-pressed', !shown);
  if (shown) { shown.remove(); return; }
  document.getElementById('foot').append(build());
  box().focus();
};
