// The microphone beside the question box, where the server can listen and the browser may (a secure context).
// What was heard is put into the box for the person to look at; it is never sent by itself.
(() => {
  const words = LISTEN, LONGEST = 15000, RATE = 16000;
  const say = (text) => { const line = document.getElementById('say-listen'); if (line) line.textContent = text; };
  let recorder = null;

  const wav = (samples) => {
    const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
    const write = (at, text) => { for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i)); };
    write(0, 'RIFF'); view.setUint32(4, 36 + 2 * samples.length, true); write(8, 'WAVEfmt ');
    view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
    view.setUint32(24, RATE, true); view.setUint32(28, 2 * RATE, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
    write(36, 'data'); view.setUint32(40, 2 * samples.length, true);
    samples.forEach((sample, i) => view.setInt16(44 + 2 * i, 32767 * Math.max(-1, Math.min(1, sample)), true));
    return view.buffer;
  };

  // Whatever the browser records becomes one channel at 16 kHz.
  const resampled = async (blob) => {
    const audio = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer());
    const length = Math.min(Math.floor(audio.duration * RATE), LONGEST / 1000 * RATE);
    const context = new OfflineAudioContext(1, Math.max(1, length), RATE), source = context.createBufferSource();
    source.buffer = audio; source.connect(context.destination); source.start();
    return (await context.startRendering()).getChannelData(0);
  };

  const hear = async (blob) => {
    say(words.working);
    try {
      const answer = await fetch('/nghe', { method: 'POST', headers: { 'Content-Type': 'audio/wav' }, body: wav(await resampled(blob)) });
      if (!answer.ok) { say(words.failed); return; }
      const { text } = await answer.json(), box = document.querySelector('#box textarea');
      if (!text || !box) { say(words.nothing); return; }
      box.value = text;
      box.dispatchEvent(new Event('input', { bubbles: true }));
      box.focus();
      say(words.check);
    } catch { say(words.failed); }
  };

  const begin = async (button) => {
    let stream;
    try { stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true } }); }
    catch { say(words.refused); return; }
    const pieces = [];
    recorder = new MediaRecorder(stream);
    recorder.ondataavailable = (event) => pieces.push(event.data);
    recorder.onstop = () => {
      for (const track of stream.getTracks()) track.stop();  // the microphone's light goes out
      recorder = null;
      button.textContent = words.start; button.setAttribute('aria-pressed', 'false');
      hear(new Blob(pieces));
    };
    recorder.start();
    setTimeout(() => recorder?.stop(), LONGEST - 500);
    button.textContent = words.stop; button.setAttribute('aria-pressed', 'true');
    say(words.listening);
  };

  const add = () => {
    const send = document.getElementById('send');
    if (!send || document.getElementById('listen')) return;
    const button = document.createElement('button');
    button.id = 'listen'; button.type = 'button'; button.className = 'lg secondary icon-mic'; button.textContent = words.start;
    button.setAttribute('aria-pressed', 'false');
    button.onclick = () => recorder ? recorder.stop() : begin(button);
    send.before(button);
    document.documentElement.classList.add('listens');
    if (document.getElementById('say-listen')) return;
    const line = document.createElement('p');
    line.id = 'say-listen'; line.setAttribute('role', 'status');
    send.parentElement.before(line);
  };

  if (!isSecureContext || !navigator.mediaDevices || !window.MediaRecorder) return;
  fetch('/doc/co').then((answer) => answer.ok ? answer.json() : {}).then(({ listen }) => {
    if (!listen) return;
    const wait = new MutationObserver(() => { if (document.getElementById('send')) add(); });
    wait.observe(document.documentElement, { childList: true, subtree: true });
    add();
    // What was heard is being mended, or was sent: the line has done its work.
    addEventListener('keydown', (event) => { if (event.target.closest?.('#box')) say(''); });
    addEventListener('click', (event) => { if (event.target.closest?.('#send,#go-home,#end')) say(''); }, true);
  }).catch(() => {});
})();
