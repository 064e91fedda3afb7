'use strict';
// Tables that sort and filter, and a switch between light and dark. No libraries, no requests.

function sortTable(table, column, ascending) {
	const body = table.tBodies[0];
	const value = (row) => {
		const cell = row.cells[column];
		const text = cell.dataset.v === undefined ? cell.textContent : cell.dataset.v;
		return { number: text === '' || text === '–' ? NaN : Number(text), text };
	};
	const rows = Array.from(body.rows, (row) => ({ row, key: value(row) }));
	const empty = (k) => k.text === '' || k.text === '–';
	rows.sort((a, b) => {
		if (empty(a.key) !== empty(b.key))
			return empty(a.key) ? 1 : -1;
		const both = !Number.isNaN(a.key.number) && !Number.isNaN(b.key.number);
		const order = both ? a.key.number - b.key.number
			: a.key.text.localeCompare(b.key.text, 'en', { numeric: true });
		return ascending ? order : -order;
	});
	body.append(...rows.map((r) => r.row));
	for (const head of table.tHead.rows[0].cells)
		head.removeAttribute('aria-sort');
	table.tHead.rows[0].cells[column].setAttribute('aria-sort', ascending ? 'ascending' : 'descending');
}

function filterTable(table, words, count) {
	const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
	let shown = 0;
	for (const row of table.tBodies[0].rows) {
		const text = row.textContent.toLowerCase();
		row.hidden = !wanted.every((w) => text.includes(w));
		shown += !row.hidden;
	}
	const all = table.tBodies[0].rows.length;
	count.textContent = shown === all ? `${all} rows` : `${shown} of ${all} rows`;
}

for (const section of document.querySelectorAll('section.data')) {
	const table = section.querySelector('table');
	const input = section.querySelector('input');
	const count = section.querySelector('.count');
	table.tHead.addEventListener('click', (event) => {
		const head = event.target.closest('th');
		if (head)
			sortTable(table, head.cellIndex, head.getAttribute('aria-sort') !== 'ascending');
	});
	input.addEventListener('input', () => filterTable(table, input.value, count));
	filterTable(table, '', count);
}

{
	const button = document.getElementById('theme');
	const root = document.documentElement;
	const system = window.matchMedia('(prefers-color-scheme: dark)');
	const stored = () => { try { return localStorage.getItem('bench-theme'); } catch { return null; } };
	const dark = () => (root.dataset.theme || (system.matches ? 'dark' : 'light')) === 'dark';
	const show = () => { button.textContent = dark() ? 'Light' : 'Dark'; };
	if (stored())
		root.dataset.theme = stored() === 'dark' ? 'dark' : 'light';
	button.addEventListener('click', () => {
		root.dataset.theme = dark() ? 'light' : 'dark';
		try { localStorage.setItem('bench-theme', root.dataset.theme); } catch { /* not kept */ }
		show();
	});
	system.addEventListener('change', show);
	show();
}
