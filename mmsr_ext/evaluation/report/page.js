'use strict';
(() => {
  const $ = (id) => document.getElementById(id);
  const images = JSON.parse($('images').textContent).flatMap((set) => set.images.map((image) => ({ ...image, set: set.name })));
  if (!images.length) {
    $('viewer').hidden = true;
    return;
  }
  const MAX_ZOOM = 32;
  const SMOOTH_BELOW = 2;  // from two screen pixels a pixel on, pixels are shown as squares
  const stage = $('stage');
  const divider = $('divider');
  const sides = ['left', 'right'];
  const chosen = { left: null, right: null };
  const view = { index: 0, cut: 50, zoom: 1, x: 0, y: 0, fitted: true };

  const image = () => images[view.index];
  const layer = (side) => image().layers.find((each) => each.label === chosen[side]);
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  function draw() {
    const { width, height } = image();
    const size = { width: width * view.zoom, height: height * view.zoom };
    view.x = place(view.x, stage.clientWidth, size.width);
    view.y = place(view.y, stage.clientHeight, size.height);
    for (const side of sides) {
      const style = $(side + '-image').style;
      style.width = size.width + 'px';
      style.height = size.height + 'px';
      style.transform = `translate(${view.x}px, ${view.y}px)`;
      const pixels = view.zoom * devicePixelRatio >= SMOOTH_BELOW || chosen[side] === 'LQ';
      style.imageRendering = pixels ? 'pixelated' : 'auto';
    }
    $('left-layer').style.clipPath = `inset(0 ${100 - view.cut}% 0 0)`;
    divider.style.left = view.cut + '%';
    divider.setAttribute('aria-valuenow', Math.round(view.cut));
    divider.setAttribute('aria-valuetext', `${Math.round(view.cut)} % ${chosen.left}, the rest ${chosen.right}`);
    $('zoom').textContent = Math.round(view.zoom * 100) + ' %';
  }

  // centred where it is smaller than the stage, else without a gap at its edges
  function place(offset, room, size) {
    return size <= room ? (room - size) / 2 : clamp(offset, room - size, 0);
  }

  function fitting() {
    return Math.min(stage.clientWidth / image().width, stage.clientHeight / image().height, MAX_ZOOM);
  }

  function fit() {
    view.zoom = fitting();
    view.fitted = true;
    draw();
  }

  function zoomTo(zoom, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
    zoom = clamp(zoom, Math.min(fitting(), 1), MAX_ZOOM);
    view.x = x - (x - view.x) * zoom / view.zoom;
    view.y = y - (y - view.y) * zoom / view.zoom;
    view.zoom = zoom;
    view.fitted = false;
    draw();
  }

  function move(dx, dy) {
    view.x += dx;
    view.y += dy;
    draw();
  }

  function cutAt(percent) {
    view.cut = clamp(percent, 0, 100);
    draw();
  }

  function show(side) {
    const { label, source, figures } = layer(side);
    $(side + '-image').src = source;
    $(side + '-image').alt = `${image().name}, ${label}`;
    $(side + '-tag').textContent = label;
    $(side + '-figures').textContent = `${side === 'left' ? 'Left' : 'Right'}: ${label}${figures ? ': ' + figures : ''}`;
  }

  function choose(index) {
    view.index = (index + images.length) % images.length;
    $('image').value = String(view.index);
    const labels = image().layers.map((each) => each.label);
    const fallback = { left: labels.find((label) => label !== 'LQ'), right: labels.filter((label) => label !== 'GT').pop() };
    for (const side of sides) {
      if (!labels.includes(chosen[side])) chosen[side] = fallback[side];
      $(side).replaceChildren(...labels.map((label) => new Option(label, label, false, label === chosen[side])));
      show(side);
    }
    stage.style.aspectRatio = `${image().width} / ${image().height}`;
    fit();
  }

  images.forEach((each, index) => $('image').append(new Option(`${each.set}: ${each.name}`, String(index))));
  $('image').addEventListener('change', (event) => choose(Number(event.target.value)));
  $('previous').addEventListener('click', () => choose(view.index - 1));
  $('next').addEventListener('click', () => choose(view.index + 1));
  for (const side of sides) {
    $(side).addEventListener('change', (event) => {
      chosen[side] = event.target.value;
      show(side);
      draw();
    });
  }
  $('in').addEventListener('click', () => zoomTo(view.zoom * 1.5));
  $('out').addEventListener('click', () => zoomTo(view.zoom / 1.5));
  $('fit').addEventListener('click', fit);
  $('actual').addEventListener('click', () => zoomTo(1));

  divider.addEventListener('pointerdown', (event) => {
    divider.setPointerCapture(event.pointerId);
    event.stopPropagation();
  });
  divider.addEventListener('pointermove', (event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const box = stage.getBoundingClientRect();
    cutAt((event.clientX - box.left) / box.width * 100);
  });
  divider.addEventListener('keydown', (event) => {
    const step = event.shiftKey ? 10 : 1;
    const to = {
      ArrowLeft: view.cut - step, ArrowDown: view.cut - step, ArrowRight: view.cut + step, ArrowUp: view.cut + step,
      PageDown: view.cut - 10, PageUp: view.cut + 10, Home: 0, End: 100,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    cutAt(to);
  });

  const pointers = new Map();
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, distance: Math.hypot(a.x - b.x, a.y - b.y) };
  };
  const inStage = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  stage.addEventListener('pointerdown', (event) => {
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, inStage(event));
  });
  stage.addEventListener('pointermove', (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const now = inStage(event);
    if (pointers.size === 2) {
      const before = spread();
      pointers.set(event.pointerId, now);
      const after = spread();
      move(after.x - before.x, after.y - before.y);
      if (before.distance > 0) zoomTo(view.zoom * after.distance / before.distance, after.x, after.y);
    } else {
      pointers.set(event.pointerId, now);
      move(now.x - last.x, now.y - last.y);
    }
  });
  for (const end of ['pointerup', 'pointercancel']) stage.addEventListener(end, (event) => pointers.delete(event.pointerId));
  stage.addEventListener('wheel', (event) => {
    event.preventDefault();
    const { x, y } = inStage(event);
    zoomTo(view.zoom * Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), x, y);
  }, { passive: false });
  stage.addEventListener('keydown', (event) => {
    const step = event.shiftKey ? 200 : 40;
    const actions = {
      '+': () => zoomTo(view.zoom * 1.5), '=': () => zoomTo(view.zoom * 1.5), '-': () => zoomTo(view.zoom / 1.5), 0: fit,
      ArrowLeft: () => move(step, 0), ArrowRight: () => move(-step, 0), ArrowUp: () => move(0, step), ArrowDown: () => move(0, -step),
    };
    if (!(event.key in actions) || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    actions[event.key]();
  });

  new ResizeObserver(() => (view.fitted ? fit() : draw())).observe(stage);
  choose(0);
})();
