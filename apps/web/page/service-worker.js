// SPDX-License-Identifier: Apache-2.0
// Keeps all files of this build for use without a network. build.py fills in the two constants.
const version = '{{ version }}';
const files = {{ files }};

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(version).then((cache) => cache.addAll(files)).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  const outdated = caches.keys().then((names) => names.filter((name) => name.startsWith('edge-web-') && name !== version));
  event.waitUntil(outdated.then((names) => Promise.all(names.map((name) => caches.delete(name)))).then(() => self.clients.claim()));
});

self.addEventListener('fetch', (event) => {
  if (event.request.method !== 'GET') return;
  event.respondWith(caches.match(event.request, { ignoreSearch: true }).then((found) => found ?? fetch(event.request)));
});
