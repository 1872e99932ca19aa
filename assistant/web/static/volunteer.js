// The volunteers' page beside Gradio: keys, ticks, copying, printing. Nothing of it is kept anywhere.
(() => {
  const byId = (id) => document.getElementById(id);
  const page = { asked: 0, found: 0, opened: 0, arrived: 0, shown: 0, typed: '', wanted: '', after: '', size: 'a5', coming: '', timer: 0, planned: false };
  const root = document.documentElement;

  // One question at a time goes to the server; of those asked meanwhile the last is sent when it has answered.
  const line = (name) => {
    let sent = 0, next = null;
    const send = (data) => {
      if (sent && Date.now() - sent < 8000) { next = data; return; }
      sent = Date.now();
      tell[name](data);
    };
    const answered = () => { sent = 0; if (next) { const data = next; next = null; send(data); } };
    return { send, answered };
  };
  const finding = line('find'), opening = line('open');

  // Finding
  const view = (name) => { root.dataset.view = name; byId('q')?.setAttribute('aria-expanded', String(name === 'find')); };
  const find = () => {
    clearTimeout(page.timer);
    page.typed = byId('q').value;
    const filters = Object.fromEntries(['topic', 'agency', 'channel'].map((key) => [key, byId(key).value]));
    finding.send({ seq: ++page.asked, text: page.typed, ...filters });
  };
  const soon = () => { clearTimeout(page.timer); page.timer = setTimeout(find, 120); };
  const options = () => [...document.querySelectorAll('#options [role=option]')];
  const chosen = () => document.querySelector('#options [aria-selected=true]');
  const choose = (option) => {
    chosen()?.setAttribute('aria-selected', 'false');
    option?.setAttribute('aria-selected', 'true');
    byId('q').setAttribute('aria-activedescendant', option?.id || '');
    option?.scrollIntoView({ block: 'nearest' });
  };
  const move = (by) => {
    const all = options();
    choose(all[(all.indexOf(chosen()) + by + all.length) % all.length]);
  };
  // What was typed last may not have been answered yet: then `wanted` waits for it.
  const open = (after) => {
    if (byId('q').value !== page.typed) find();
    page.wanted = page.found < page.asked ? after : '';
    if (!page.wanted && chosen()) openId(chosen().dataset.kind, chosen().dataset.id, byId('q').value, after);
  };
  const openId = (kind, id, text, after) => {
    const wanted = [kind, id, text].join();
    page.after = after;
    if (page.shown < page.opened && page.coming === wanted) return; // it is on its way
    page.coming = wanted;
    opening.send({ seq: ++page.opened, kind, id, text });
  };
  const back = () => {
    page.shown = page.opened;
    page.wanted = '';
    const box = byId('q');
    view('find');
    scrollTo(0, 0);
    box.focus();
    if (box.value) { box.value = ''; find(); }
  };

  // What the server has answered comes into the page by Gradio.
  const look = () => {
    page.planned = false;
    vietnamese();
    const room = `${byId('finder')?.offsetHeight || 0}px`;
    if (root.style.getPropertyValue('--finder') !== room) root.style.setProperty('--finder', room);
    const found = document.querySelector('#found [data-seq]'), sheet = document.querySelector('#sheet [data-seq]');
    if (found && +found.dataset.seq > page.found) {
      page.found = +found.dataset.seq;
      finding.answered();
      const list = byId('agency');
      if (list.options.length < 2)
        for (const name of (found.dataset.agencies || '').split('|').filter(Boolean)) list.add(new Option(name, name));
      choose(options()[0]);
      view('find');
      if (page.found === page.asked && page.wanted) open(page.wanted);
    }
    const broken = document.querySelector('[data-broken]');
    if (broken) {
      broken.removeAttribute('data-broken');
      (broken.closest('#sheet') ? opening : finding).answered();
      view(broken.closest('#sheet') ? 'sheet' : 'find');
    }
    if (!sheet || +sheet.dataset.seq === page.arrived) return;
    page.arrived = +sheet.dataset.seq;
    opening.answered();
    if (page.arrived <= page.shown) return; // nobody waits for it any more
    page.shown = page.arrived;
    view('sheet');
    scrollTo(0, 0);
    const size = document.querySelector(`#sheet [name=size][value="${page.size}"]`);
    if (size) size.checked = true;
    count();
    sheet.querySelector('[data-focus]')?.focus({ preventScroll: true });
    if (page.after === 'print') print();
  };

  // The sheet
  const papers = () => [...document.querySelectorAll('#sheet [name=have]')];
  const missing = () => papers().filter((box) => !box.checked);
  const count = () => {
    const section = document.querySelector('#sheet .papers'), left = missing().length;
    if (!section) return;
    section.querySelector('.missing').textContent = left ? section.dataset.missing.replace('{count}', left) : section.dataset.none;
    section.querySelector('.missing').classList.toggle('all', !left);
    section.querySelector('[data-copy=missing]').disabled = !left;
  };
  const spoken = (label) => {
    const copy = label.cloneNode(true);
    copy.querySelectorAll('sup').forEach((mark) => mark.remove());
    return copy.textContent.trim();
  };
  const done = (text) => { const line = document.querySelector('#sheet .done'); if (line) line.textContent = text; };
  const copy = async (what) => {
    const section = document.querySelector('#sheet .papers');
    const text = what === 'missing'
      ? [section.dataset.lead, ...missing().map((box) => '- ' + spoken(box.nextElementSibling))].join('\n')
      : byId(what).value;
    if (await copied(text)) { done(KIOSK.own.copied); return; }
    done(KIOSK.own.not_copied);
    const area = Object.assign(document.createElement('textarea'), { value: text, readOnly: true, ariaLabel: KIOSK.own.message });
    document.querySelector('#sheet .actions').after(area);
    area.select();
  };
  const copied = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
    const area = Object.assign(document.createElement('textarea'), { value: text }); // plain HTTP on a LAN
    document.body.append(area);
    area.select();
    const went = document.execCommand('copy');
    area.remove();
    return went;
  };
  const print = () => {
    const sheet = document.querySelector('#sheet [data-kind=guide]');
    if (!sheet || !sheet.querySelector('[data-print]')) return;
    done(KIOSK.own.printing);
    byId('paper')?.remove();
    const frame = Object.assign(document.createElement('iframe'), { id: 'paper', title: KIOSK.own.print, tabIndex: -1 });
    const have = papers().filter((box) => box.checked).map((box) => box.value).join();
    frame.setAttribute('aria-hidden', 'true');
    frame.onload = () => {
      frame.contentWindow.onafterprint = () => frame.remove();
      frame.contentWindow.print();
      done('');
    };
    frame.src = `/phieu/${sheet.dataset.id}?kho=${page.size}&co=${have}`;
    document.body.append(frame);
  };
  const source = (number) => {
    const entry = document.querySelector(`#sheet .source[data-number="${number}"]`);
    if (!entry) return;
    const scrolled = scrollY;
    entry.open = true;
    entry.scrollIntoView({ block: 'start' });
    scrollBy(0, scrolled - scrollY); // the text stays where it was: only what is beside it moves
    entry.querySelector('summary').focus({ preventScroll: true });
  };
  const original = async (entry) => {
    const shown = entry.querySelector('.original:empty');
    if (!shown) return;
    const answer = await fetch(shown.dataset.from);
    if (!answer.ok) { shown.remove(); return; }
    shown.innerHTML = await answer.text(); // escaped by the server
    shown.querySelector('mark')?.scrollIntoView({ block: 'nearest' });
  };

  // Keys and clicks
  addEventListener('keydown', (event) => {
    const typing = event.target.id === 'q', key = event.key;
    if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === 'p') {
      event.preventDefault();
      if (root.dataset.view === 'find') open('print'); else print();
    } else if (key === 'Escape') {
      event.preventDefault();
      back();
    } else if (typing && key === 'Enter' && !event.isComposing) {
      event.preventDefault();
      open('show');
    } else if (typing && (key === 'ArrowDown' || key === 'ArrowUp')) {
      event.preventDefault();
      if (root.dataset.view !== 'find') view('find'); else move(key === 'ArrowDown' ? 1 : -1);
    }
  });
  addEventListener('input', (event) => {
    if (event.target.id === 'q') soon();
  });
  addEventListener('change', (event) => {
    const { id, name, value } = event.target;
    if (['topic', 'agency', 'channel'].includes(id)) find();
    if (name === 'size') page.size = value;
    if (name === 'have') count();
  });
  addEventListener('click', (event) => {
    const hit = (selector) => event.target.closest?.(selector);
    if (hit('[role=option]')) { choose(hit('[role=option]')); openId(chosen().dataset.kind, chosen().dataset.id, byId('q').value, 'show'); }
    else if (hit('[data-open]')) openId('guide', hit('[data-open]').dataset.open, '', 'show');
    else if (hit('[data-print]')) print();
    else if (hit('[data-copy]')) copy(hit('[data-copy]').dataset.copy);
    else if (hit('.mark')) { event.preventDefault(); source(hit('.mark').dataset.source); }
    else if (hit('[data-back]')) back();
  });
  addEventListener('toggle', (event) => { if (event.target.matches?.('.source') && event.target.open) original(event.target); }, true);
  addEventListener('error', (event) => {
    const { failed } = event.target.dataset || {};
    if (failed) event.target.closest('a').replaceWith(Object.assign(document.createElement('p'), { className: 'small', textContent: failed }));
  }, true);
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });

  // Who calls for a volunteer at the kiosk; what they need is told in words.
  const calls = async () => {
    const answer = await fetch('/goi', { cache: 'no-store' }).catch(() => null);
    const told = answer?.ok ? await answer.json() : [];
    let box = byId('calls');
    if (!box) {
      box = Object.assign(document.createElement('div'), { id: 'calls' });
      box.setAttribute('role', 'status');
      document.body.prepend(box);
    }
    if (box.textContent === told.join('')) return;
    box.replaceChildren(...told.map((text) => Object.assign(document.createElement('p'), { textContent: text })));
  };
  setInterval(calls, 5000);
  addEventListener('DOMContentLoaded', calls);

  window.started = () => { view('find'); byId('q').focus(); find(); };
  const plan = () => { if (!page.planned) { page.planned = true; requestAnimationFrame(look); } };
  new MutationObserver(plan).observe(root, { attributes: true, attributeFilter: ['lang', 'aria-label', 'title'], childList: true, subtree: true });
})();
