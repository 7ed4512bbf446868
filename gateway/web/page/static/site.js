// What pages do beyond what they do without scripts: suggestions while a search is typed,
// a button that copies lines, and no decision beside a form that it is not about.
(() => {
  const q = document.querySelector('input[type=search]');
  if (q) {
    const list = document.createElement('datalist');
    list.id = 'suggestions';
    q.after(list);
    q.setAttribute('list', 'suggestions');
    let waiting;
    q.addEventListener('input', () => {
      clearTimeout(waiting);
      const words = q.value;
      if (words.trim().length < 3) return;
      waiting = setTimeout(async () => {
        const answer = await fetch('/api/v1/suggestions?q=' + encodeURIComponent(words));
        if (!answer.ok || words !== q.value) return;
        list.replaceChildren(...(await answer.json()).items.map((near) => {
          const option = document.createElement('option');
          option.value = near.q;
          return option;
        }));
      }, 150);
    });
  }
  // What was typed and not sent stays: the other language is shown beside it.
  const typed = () => [...document.querySelectorAll('main input, main textarea, main option')].some((field) => field.type !== 'hidden' &&
    (field.localName === 'option' ? field.selected !== field.defaultSelected && [...field.parentElement.options].some((o) => o.defaultSelected)
      : field.value !== field.defaultValue || field.checked !== field.defaultChecked));
  document.querySelectorAll('form[action="/language"]').forEach((form) => {
    const target = form.target;
    form.addEventListener('submit', () => { form.target = target || (typed() ? '_blank' : ''); });
  });
  const undecided = () => {
    document.querySelectorAll('#decision > :not(h2)').forEach((said) => said.remove());
  };
  document.body.addEventListener('htmx:response:error', undecided);
  document.body.addEventListener('htmx:error', undecided);
  const word = document.documentElement.lang === 'fr' ? ['Copier', 'Copié'] : ['Copy', 'Copied'];
  for (const lines of document.querySelectorAll('pre')) {
    if (!navigator.clipboard) break;
    const button = document.createElement('button');
    button.className = 'copy';
    button.textContent = word[0];
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(lines.textContent);
      button.textContent = word[1];
      setTimeout(() => { button.textContent = word[0]; }, 2000);
    });
    lines.before(button);
  }
})();
