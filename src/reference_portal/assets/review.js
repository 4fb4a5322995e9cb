document.getElementById('open-submit').onclick = () => document.getElementById('confirm').showModal();
const commit = document.getElementById('commit');
const send = () => fetch(commit.action, { method: 'POST', body: new URLSearchParams(new FormData(commit)) });
if (commit.dataset.twice) commit.addEventListener('submit', send);
// The page stays, and puts the number where the draft's own stood.
if (commit.dataset.fetched) {
  commit.addEventListener('submit', async (event) => {
    event.preventDefault();
    const answer = new DOMParser().parseFromString(await (await send()).text(), 'text/html');
    document.querySelector('[data-testid=number]').textContent = answer.querySelector('[data-testid=number]').textContent;
  });
}
