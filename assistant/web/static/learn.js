// The pages of learning beside Gradio: Vietnamese labels, and where to look. Words come from KIOSK.
(() => {
  const root = document.documentElement;
  root.dataset.page = location.pathname.includes('/tap') ? 'tap' : 'class';
  const byId = (id) => document.getElementById(id);
  const told = {}; // what was said last, by the element that says it
  let lastTurn = 0, planned = false;

  // What is said to a press comes into view with the button that goes on, which takes the focus.
  const hear = (id, next) => {
    const says = byId(id)?.offsetParent ? byId(id).textContent : '';
    if (says === (told[id] || '')) return;
    told[id] = says;
    const on = byId(next);
    if (!says) return;
    (on?.offsetParent ? on : byId(id)).scrollIntoView({ block: 'nearest' });
    if (on?.offsetParent) on.focus({ preventScroll: true });
  };

  // Lessons done and their points outlast a reload of this tab; nothing that was typed does.
  const keep = () => {
    const progress = document.querySelector('#kept [data-progress]')?.dataset.progress;
    if (progress) sessionStorage.progress = progress;
    else if (progress === '') delete sessionStorage.progress;
  };

  // Something new: its beginning comes into view and takes the focus.
  const look = () => {
    planned = false;
    vietnamese();
    keep();
    hear('told', 'next');
    hear('explained', 'on');
    let newest = null, turn = lastTurn;
    for (const element of document.querySelectorAll('[data-turn]'))
      if (element.offsetParent && +element.dataset.turn > lastTurn && +element.dataset.turn >= turn) { newest = element; turn = +element.dataset.turn; }
    if (!newest) return;
    lastTurn = turn;
    scrollTo(0, 0);
    newest.querySelector('[data-focus]')?.focus({ preventScroll: true });
  };
  new MutationObserver(() => {
    if (!planned) { planned = true; requestAnimationFrame(look); }
  }).observe(root, { attributes: true, attributeFilter: ['lang', 'aria-label', 'title', 'data-progress'], childList: true, subtree: true, characterData: true });

  // Files are fetched: for a form that is sent Gradio takes the person to have left, and forgets them.
  const fetchFile = async (form) => {
    const answer = await fetch(form.action, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
    form.querySelector('.refused').textContent = answer.ok ? '' : await answer.text();
    if (!answer.ok) return;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await answer.blob());
    link.download = form.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  addEventListener('submit', (event) => {
    if (!event.target.dataset.file) return;
    event.preventDefault();
    fetchFile(event.target);
  });

  // Come from the kiosk (?ve=SECONDS), a page that nobody touches for so long goes back to it.
  const seconds = +new URLSearchParams(location.search).get('ve');
  let lastActive = Date.now();
  for (const name of ['pointerdown', 'keydown', 'wheel', 'scroll'])
    addEventListener(name, () => { lastActive = Date.now(); }, { passive: true, capture: true });
  if (seconds > 0) setInterval(() => { if (Date.now() - lastActive > seconds * 1000) location.replace('/'); }, 500);

  // Back brings no old page: it is fetched anew, empty.
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
})();
