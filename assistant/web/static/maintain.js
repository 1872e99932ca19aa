// The maintainers' page beside Gradio: Vietnamese labels, which part is open, and leaving when idle.
(() => {
  const IDLE_SECONDS = 1500; // the session itself ends a little later
  let lastActive = Date.now(), planned = false;
  const look = () => {
    planned = false;
    vietnamese();
    for (const button of document.querySelectorAll('#sections button')) {
      const open = document.getElementById(button.id.replace('go-', 'part-'))?.offsetParent != null;
      button.setAttribute('aria-pressed', open);
      button.classList.toggle('primary', open);
    }
  };
  new MutationObserver(() => {
    if (!planned) { planned = true; requestAnimationFrame(look); }
  }).observe(document.documentElement, { attributes: true, attributeFilter: ['lang', 'aria-label', 'title'], childList: true, subtree: true });
  for (const name of ['pointerdown', 'keydown', 'wheel'])
    addEventListener(name, () => { lastActive = Date.now(); }, { passive: true, capture: true });
  setInterval(() => {
    if (Date.now() - lastActive > IDLE_SECONDS * 1000) document.querySelector('.out')?.submit();
  }, 5000);
})();
