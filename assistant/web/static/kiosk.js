// The page beside Gradio: Vietnamese labels, where to look, how it looks, reading aloud, and wiping.
// Words come from KIOSK (prompts/).
(() => {
  const query = new URLSearchParams(location.search);
  const idleSeconds = Math.min(120, +(query.get('idle') || 120)), warnSeconds = Math.min(30, +(query.get('warn') || 30));
  const tapSeconds = Math.min(.4, +(query.get('tap') || .4));
  const WAITING = 5;  // times as long may one be still who waits for a volunteer
  const root = document.documentElement;
  let lastActive = Date.now(), warnedAt = 0, lastTurn = 0, planned = false, called = false, reading = null, pending = 0;
  const active = () => { if (!warnedAt) lastActive = Date.now(); };
  const byId = (id) => document.getElementById(id);

  const nameFoot = () => {
    const foot = byId('foot');
    if (foot && !foot.hasAttribute('role')) { foot.setAttribute('role', 'region'); foot.setAttribute('aria-label', KIOSK.foot); }
  };

  // A new answer: its beginning comes into view and takes the focus.
  const look = () => {
    planned = false;
    vietnamese();
    nameFoot();
    const view = document.querySelector('[data-view]:not(html)')?.dataset.view || 'home';
    if (root.dataset.view !== view) root.dataset.view = view;
    let newest = null, turn = lastTurn;
    for (const element of document.querySelectorAll('[data-turn]'))
      if (element.offsetParent && +element.dataset.turn > lastTurn && +element.dataset.turn >= turn) { newest = element; turn = +element.dataset.turn; }
    const foot = byId('foot');
    if (foot) {
      const room = foot.offsetHeight + 'px';
      if (root.style.getPropertyValue('--foot') !== room) root.style.setProperty('--foot', room);
    }
    const calls = !!document.querySelector('.calling');
    if (calls !== called) {
      called = calls;
      active();
      if (calls) { chime(); window.scrollTo(0, 0); } else if (!newest) byId('call')?.focus({ preventScroll: true });
    }
    if (!newest) return;
    lastTurn = turn;
    active();
    silence();
    const near = newest.hasAttribute('data-near');
    if (near) newest.scrollIntoView({ block: 'nearest' }); else window.scrollTo(0, 0);
    newest.querySelector('[data-focus]')?.focus({ preventScroll: true });
  };
  new MutationObserver((changes) => {
    const within = (names) => changes.some(({ target }) => (target.closest ? target : target.parentElement)?.closest(names));
    if (within('#words .prose, #say .prose')) active();
    if (within('#stage .prose, #say .prose')) { clearTimeout(pending); root.removeAttribute('data-pending'); }
    if (!planned) { planned = true; requestAnimationFrame(look); }
  }).observe(root, { attributes: true, attributeFilter: ['lang', 'aria-label', 'title'], childList: true, subtree: true, characterData: true });
  addEventListener('resize', look);

  for (const name of ['pointerdown', 'keydown', 'touchstart', 'wheel', 'input', 'scroll'])
    addEventListener(name, active, { passive: true, capture: true });

  // How the page looks; forgotten with everything else.
  const tools = {
    bigger: () => {
      const size = (+(root.dataset.size || 0) + 1) % 3;
      if (size) root.dataset.size = size; else delete root.dataset.size;
      return size > 0;
    },
    contrast: () => root.toggleAttribute('data-contrast'),
    keys: () => { import('/tinh/keyboard.js').then((keyboard) => { keyboard.toggle(KIOSK.own.keys); look(); }); return !root.hasAttribute('data-keys'); },
  };
  // That the machine searches, where it takes long: it may still be loading.
  const wait = () => { clearTimeout(pending); pending = setTimeout(() => root.setAttribute('data-pending', ''), 500); };
  // The machine starts anew, and knows nothing of what was asked: say so until it is there again.
  setInterval(async () => {
    const told = root.hasAttribute('data-away');
    if (!told && !root.hasAttribute('data-pending')) return;
    const there = await fetch('/suc-khoe', { cache: 'no-store' }).then(() => true, () => false);
    if (there && told) location.reload();
    if (there || told) return;
    root.setAttribute('data-away', '');
    byId('pending').querySelector('section').textContent = KIOSK.own.away;
  }, 2000);
  addEventListener('keydown', (event) => { if (event.key === 'Enter' && event.target.closest?.('#box') && event.target.value.trim()) wait(); });
  // A hand that trembles taps twice; the second tap would fall on what the first has brought.
  let meantAt = 0;
  window.kioskMeant = () => {
    const now = Date.now(), meant = now - meantAt >= tapSeconds * 1000;
    if (meant) meantAt = now;
    return meant;
  };
  addEventListener('click', (event) => {
    const tool = event.target.closest?.('[data-tool]'), say = event.target.closest?.('[data-say]');
    const paper = event.target.closest?.('[data-slip]'), way = event.target.closest?.('[data-go]');
    if (event.target.closest?.('[data-do=topic], [data-do=open]')) wait();
    if (event.target.closest?.('#send') && byId('box').querySelector('textarea').value.trim()) wait();
    if (paper) slip(paper.dataset.slip);
    if (way) location.assign(way.dataset.go);
    if (tool) { tool.setAttribute('aria-pressed', tools[tool.dataset.tool]()); look(); }
    if (say) if (reading?.button === say) silence(); else read(say);
  });

  // The slip to take home, in front of the page: a page of its own would have no way back.
  const slip = (guide) => {
    const dialog = document.createElement('dialog'), frame = document.createElement('iframe'), close = document.createElement('button');
    dialog.id = 'slip';
    frame.title = KIOSK.own.slip.title;
    frame.src = `/phieu/${guide}?kho=a5`;
    frame.onload = () => { for (const name of ['pointerdown', 'keydown', 'scroll']) frame.contentWindow.addEventListener(name, active, { passive: true, capture: true }); };
    close.type = 'button';
    close.textContent = KIOSK.own.slip.close;
    close.onclick = () => dialog.close();
    dialog.onclose = () => dialog.remove();
    dialog.setAttribute('aria-label', KIOSK.own.slip.title);
    fetch(frame.src).then((answer) => { if (!answer.ok) frame.replaceWith(KIOSK.own.slip.none); });
    dialog.append(frame, close);
    document.querySelector('.gradio-container').append(dialog);
    dialog.showModal();
  };

  // A step read aloud, the word being read marked. The marks come from the length of the words: voices tell no times.
  const read = async (button) => {
    silence();
    const { say, step, slow, other } = button.dataset, audio = new Audio(), words = button.textContent;
    const mine = reading = { button, audio, words };
    const answer = await fetch('/doc', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ guide: say, step: +step, slow: slow !== undefined, otherwise: other !== undefined }) }).catch(() => null);
    if (reading !== mine) return;
    if (!answer?.ok) { silence(); return; }
    audio.src = URL.createObjectURL(await answer.blob());
    if (reading !== mine) return;
    button.textContent = button.dataset.silence;
    const spans = other === undefined && byId('steptext') ? split(byId('steptext')) : [];
    const total = spans.reduce((sum, span) => sum + span.textContent.length, 0);
    audio.ontimeupdate = () => {
      active();
      let rest = total * audio.currentTime / (audio.duration || 1);
      const now = spans.find((span) => (rest -= span.textContent.length) <= 0);
      for (const span of spans) span.classList.toggle('said', span === now);
    };
    audio.onended = audio.onerror = silence;
    audio.play().catch(silence);
  };
  const silence = () => {
    if (!reading) return;
    const { button, audio, words } = reading;
    reading = null;
    audio.onerror = audio.ontimeupdate = null;
    audio.pause();
    if (audio.src) URL.revokeObjectURL(audio.src);
    button.textContent = words;
    for (const span of document.querySelectorAll('.said')) span.classList.remove('said');
  };
  const split = (element) => {
    const spans = [], walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT, (node) => node.parentElement.closest('sup, .word') ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    for (const text of texts) {
      const pieces = text.data.split(/(?<=\s)/).map((word) => { const span = document.createElement('span'); span.className = 'word'; span.textContent = word; return span; });
      text.replaceWith(...pieces);
    }
    spans.push(...element.querySelectorAll('.word'));
    return spans;
  };
  fetch('/doc/co').then((answer) => answer.ok ? answer.json() : {}).then(({ voice }) => root.toggleAttribute('data-voice', !!voice)).catch(() => {});

  // Two soft notes, so that a volunteer looks up.
  const chime = () => {
    const context = new AudioContext();
    [660, 880].forEach((pitch, at) => {
      const tone = context.createOscillator(), loudness = context.createGain(), start = context.currentTime + at * .35;
      tone.frequency.value = pitch;
      loudness.gain.setValueAtTime(.25, start);
      loudness.gain.exponentialRampToValueAtTime(.001, start + .9);
      tone.connect(loudness).connect(context.destination);
      tone.start(start); tone.stop(start + 1);
      if (at) tone.onended = () => context.close();
    });
  };

  // The server forgets the visit when this page goes.
  window.kioskEnd = () => {
    silence();
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
    const changed = root.matches('[data-size], [data-contrast], [data-keys]');
    const untouched = lastTurn === 0 && !called && !changed && !document.querySelector('#box textarea')?.value;
    if (!warnedAt && !untouched && now - lastActive > idleSeconds * 1000 * (called ? WAITING : 1)) {
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
