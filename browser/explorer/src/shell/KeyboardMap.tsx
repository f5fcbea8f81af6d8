/** Which key does what. */

const MAP: readonly (readonly [keys: string, what: string])[] = [
  ["/", "type a filter"],
  ["t", "choose a time"],
  ["[ ]", "earlier, later"],
  ["j k", "next, previous row"],
  ["Enter", "open the row"],
  ["Esc", "cancel what is being read, else close what is open"],
  ["l", "live: actions as they arrive"],
  ["r", "read everything again"],
  ["f", "show or hide the facets"],
  ["i", "where is my action?"],
  ["d", "dead letters"],
  ["c", "this view as curl, SQL, Python"],
  ["m", "dark or light"],
  ["?", "this list"],
];

export function KeyboardMap() {
  return (
    <div class="keyboard-map">
      <table>
        <thead class="hidden-text">
          <tr>
            <th scope="col">Key</th>
            <th scope="col">What it does</th>
          </tr>
        </thead>
        <tbody>
          {MAP.map(([keys, what]) => (
            <tr key={keys}>
              <td>
                {keys.split(" ").map((one) => (
                  <kbd key={one}>{one}</kbd>
                ))}
              </td>
              <td>{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="muted">In the chart: arrows point at a bar, Shift and arrows choose several, Enter shows that time.</p>
    </div>
  );
}
