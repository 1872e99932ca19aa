// The page beside Gradio: Vietnamese labels, where to look, and wiping. Words come from KIOSK (prompts/ui.toml).
(() => {
  const query = new URLSearchParams(location.search);
  const idleSeconds = Math.min(120, +(query.get('idle') || 120)), warnSeconds = Math.min(30, +(query.get('warn') || 30));
  let lastActive = Date.now(), warnedAt = 0, lastTurn = 0, planned = false;
  const active = () => { if (!warnedAt) lastActive = Date.now(); };
  const byId = (id) => document.getElementById(id);

  // Gradio has no "vi": it writes lang="en" and English labels at run time.
  const vietnamese = () => {
    const root = document.documentElement;
    if (root.lang !== 'vi') root.lang = 'vi';
    for (const element of document.querySelectorAll('[aria-label],[title]'))
      for (const name of ['aria-label', 'title']) {
        const word = KIOSK.gradio[element.getAttribute(name)];
        if (word) element.setAttribute(name, word);
      }
    const foot = byId('foot');
    if (foot && !foot.hasAttribute('role')) { foot.setAttribute('role', 'region'); foot.setAttribute('aria-label', KIOSK.foot); }
  };

  // A new answer: its beginning comes into view and takes the focus.
  const look = () => {
    planned = false;
    vietnamese();
    const view = ['coach', 'answer', 'home'].find((id) => byId(id)?.offsetParent) || 'home';
    if (document.documentElement.dataset.view !== view) document.documentElement.dataset.view = view;
    let newest = null, turn = lastTurn;
    for (const element of document.querySelectorAll('[data-turn]'))
      if (element.offsetParent && +element.dataset.turn > lastTurn && +element.dataset.turn >= turn) { newest = element; turn = +element.dataset.turn; }
    const foot = byId('foot');
    if (foot) {
      const room = foot.offsetHeight + 'px';
      if (document.documentElement.style.getPropertyValue('--foot') !== room) {
        document.documentElement.style.setProperty('--foot', room);
      }
    }
    if (!newest) return;
    lastTurn = turn;
    active();
    if (newest.hasAttribute('data-near')) { newest.scrollIntoView({ block: 'nearest' }); return; }
    window.scrollTo(0, 0);
    newest.querySelector('[data-focus]')?.focus({ preventScroll: true });
  };
  new MutationObserver((changes) => {
    if (changes.some((change) => change.target.closest?.('.written, #say') || change.target.querySelector?.('.written'))) active();
    if (!planned) { planned = true; requestAnimationFrame(look); }
  }).observe(document.documentElement, { attributes: true, attributeFilter: ['lang', 'aria-label', 'title'], childList: true, subtree: true, characterData: true });
  addEventListener('resize', look);

  for (const name of ['pointerdown', 'keydown', 'touchstart', 'wheel', 'input', 'scroll'])
    addEventListener(name, active, { passive: true, capture: true });

  // The server forgets the visit when this page goes.
  window.kioskEnd = () => {
    document.body.replaceChildren();
    localStorage.clear();
    sessionStorage.clear();
    location.replace(location.pathname + location.search);
  };
  addEventListener('pageshow', (event) => { if (event.persisted) kioskEnd(); });

  setInterval(() => {
    const dialog = byId('idle');
    if (!dialog) return;
    const now = Date.now();
    // Nothing was done on the first page: there is nothing to wipe and nobody to ask.
    const untouched = lastTurn === 0 && !document.querySelector('#box textarea')?.value;
    if (!warnedAt && !untouched && now - lastActive > idleSeconds * 1000) {
      warnedAt = now;
      dialog.showModal();
      byId('idle-stay').onclick = () => { warnedAt = 0; lastActive = Date.now(); dialog.close(); };
      byId('idle-end').onclick = kioskEnd;
      dialog.oncancel = byId('idle-stay').onclick;
    }
    if (!warnedAt) return;
    const left = warnSeconds - Math.floor((now - warnedAt) / 1000);
    byId('idle-seconds').textContent = Math.max(0, left);
    if (left <= 0) kioskEnd();
  }, 500);
})();
