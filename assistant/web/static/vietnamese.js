// Gradio has no "vi": it writes lang="en" and English labels at run time. Words come from KIOSK (prompts/).
const vietnamese = () => {
  const root = document.documentElement;
  if (root.lang !== 'vi') root.lang = 'vi';
  for (const element of document.querySelectorAll('[aria-label],[title]'))
    for (const name of ['aria-label', 'title']) {
      const word = KIOSK.gradio[element.getAttribute(name)];
      if (word) element.setAttribute(name, word);
    }
};
