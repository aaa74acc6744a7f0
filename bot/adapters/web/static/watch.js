// Following the requests that aren't finished. Browsers allow a site few open streams, so there is one for all of them.

const RETRY_MILLISECONDS = 3000;

const following = new Map();
let stream = null;
let restart = 0;

/** Call `onStatus` with each change to a request, until it is finished; `onDeleted` when it is deleted elsewhere. */
export function watch(id, onStatus, onDeleted) {
  following.set(id, { onStatus, onDeleted });
  reopen();
}

export function unwatch(id) {
  if (following.delete(id)) reopen();
}

function reopen(milliseconds = 50) {
  clearTimeout(restart);
  restart = setTimeout(open, milliseconds);
}

function open() {
  stream?.close();
  stream = null;
  if (!following.size) return;
  const query = new URLSearchParams([...following.keys()].slice(0, 100).map((id) => ["id", id]));
  stream = new EventSource(`/api/events?${query}`);
  stream.addEventListener("error", ({ target }) => {
    // Browsers come back by themselves after a lost connection, but not after a proxy's “502 Bad Gateway”.
    if (target.readyState === EventSource.CLOSED) reopen(RETRY_MILLISECONDS);
  });
  stream.addEventListener("status", (event) => {
    const status = JSON.parse(event.data);
    const watcher = following.get(status.id);
    if (status.state === "answered" || status.state === "refused") end(status.id);
    watcher?.onStatus(status);
  });
  stream.addEventListener("deleted", (event) => {
    const { id } = JSON.parse(event.data);
    const watcher = following.get(id);
    end(id);
    watcher?.onDeleted();
  });
}

function end(id) {
  following.delete(id);
  if (!following.size) {
    stream?.close();
    stream = null;
  } else if (following.size >= 100) reopen();
}
