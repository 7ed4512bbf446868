// The verification of the page, computed in this browser from the texts that the page shows: the
// signature of a checkpoint [C2SP signed-note], a record's place in the tree and the beginning that two
// trees share [RFC 9162 §2.1.3, §2.1.4]. Nothing is asked of the gateway.
(async () => {
  const shown = document.getElementById('verification');
  const text = (id) => document.getElementById('v-' + id)?.querySelector('code').textContent ?? '';
  const say = (step, holds) => {
    const li = shown.querySelector(`[data-step="${step}"]`);
    if (!li) return;
    li.className = holds ? 'holds' : 'fails';
    li.querySelector('.verdictword').textContent = holds ? shown.dataset.holds : shown.dataset.fails;
  };
  const status = document.getElementById('computed');
  if (!status) return; // what was typed cannot be verified, and the page says so
  const bytes = (s) => Uint8Array.from(atob(s), (c) => c.charCodeAt(0));
  const equal = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
  const joined = (...parts) => Uint8Array.from(parts.flatMap((p) => [...p]));
  const utf8 = (s) => new TextEncoder().encode(s);
  const sha256 = async (b) => new Uint8Array(await crypto.subtle.digest('SHA-256', b));
  const leafHash = (leaf) => sha256(joined([0], leaf));
  const nodeHash = (left, right) => sha256(joined([1], left, right));

  const opened = async (checkpoint, vkey) => {
    const [, name, hash, key] = vkey.trim().match(/^(.+)\+([0-9a-f]{8})\+(.+)$/);
    const raw = bytes(key);
    const id = (await sha256(joined(utf8(name + '\n'), raw))).slice(0, 4);
    const end = checkpoint.indexOf('\n\n');
    const note = checkpoint.slice(0, end + 1);
    const [origin, size, root] = note.split('\n');
    if (raw[0] !== 1 || origin !== name || parseInt(hash, 16) !== new DataView(id.buffer).getUint32(0)) throw new Error('another key');
    const line = checkpoint.slice(end + 2).split('\n').find((l) => l.startsWith('— ' + name + ' '));
    const signed = bytes(line.slice(('— ' + name + ' ').length));
    if (!equal(signed.slice(0, 4), id)) throw new Error('signed with another key');
    const pub = await crypto.subtle.importKey('raw', raw.slice(1), { name: 'Ed25519' }, false, ['verify']);
    if (!await crypto.subtle.verify('Ed25519', pub, signed.slice(4), utf8(note))) throw new Error('not signed');
    return { size: BigInt(size), root: bytes(root) };
  };

  const included = async (index, size, leaf, path, root) => {
    if (index >= size) return false;
    let [fn, sn, r] = [index, size - 1n, leaf];
    for (const p of path) {
      if (sn === 0n) return false;
      if (fn & 1n || fn === sn) {
        r = await nodeHash(p, r);
        while (!(fn & 1n) && fn !== 0n) { fn >>= 1n; sn >>= 1n; }
      } else {
        r = await nodeHash(r, p);
      }
      fn >>= 1n; sn >>= 1n;
    }
    return sn === 0n && equal(r, root);
  };

  const begins = async (older, newer, path) => {
    if (older.size === newer.size) return equal(older.root, newer.root);
    if (older.size > newer.size) return false;
    if (older.size === 0n) return true;
    if ((older.size & (older.size - 1n)) === 0n) path = [older.root, ...path];
    let [fn, sn] = [older.size - 1n, newer.size - 1n];
    while (fn & 1n) { fn >>= 1n; sn >>= 1n; }
    let [fr, sr] = [path[0], path[0]];
    for (const c of path.slice(1)) {
      if (sn === 0n) return false;
      if (fn & 1n || fn === sn) {
        fr = await nodeHash(c, fr);
        sr = await nodeHash(c, sr);
        while (!(fn & 1n) && fn !== 0n) { fn >>= 1n; sn >>= 1n; }
      } else {
        sr = await nodeHash(sr, c);
      }
      fn >>= 1n; sn >>= 1n;
    }
    return sn === 0n && equal(fr, older.root) && equal(sr, newer.root);
  };

  try {
    if (!crypto.subtle) throw new Error('no cryptography here');
    await crypto.subtle.importKey('raw', new Uint8Array(32), { name: 'Ed25519' }, false, ['verify']);
  } catch {
    status.querySelector('span').textContent += ' ' + shown.dataset.unable;
    return;
  }
  const verdicts = [];
  const step = async (name, compute) => {
    let holds = false;
    let value;
    try {
      value = await compute();
      holds = value !== false;
    } catch {
      holds = false;
    }
    say(name, holds);
    verdicts.push(holds);
    return holds ? value : undefined;
  };
  const own = shown.querySelector('[data-step="key"]'); // compared by the gateway: both keys stand below
  if (own) verdicts.push(own.classList.contains('holds'));
  const head = await step('signature', () => opened(text('checkpoint'), text('key')));
  if (text('proof')) {
    const leaf = await leafHash(bytes(text('leaf')));
    await step('leaf', async () => btoa(String.fromCharCode(...leaf)) ===
      shown.querySelector('[data-step="leaf"] code').textContent);
    await step('inclusion', async () => {
      const [, first, ...lines] = text('proof').slice(0, text('proof').indexOf('\n\n')).split('\n');
      return included(BigInt(first.slice('index '.length)), head.size, leaf, lines.filter((l) => l).map(bytes), head.root);
    });
  }
  if (text('kept')) {
    const older = await step('kept', () => opened(text('kept'), text('key')));
    await step('consistency', () => begins(older, head, text('hashes').split('\n').filter((l) => l).map(bytes)));
  }
  if (!verdicts.every((holds) => holds)) {
    status.className = 'fails';
    status.querySelector('strong').textContent = shown.dataset.broken;
  } else if (status.className === 'holds') {
    status.querySelector('span').textContent = shown.dataset.here;
  }
})();
