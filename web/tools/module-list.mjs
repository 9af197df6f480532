// Which files of packages are in what Vite made: as it says itself, chunk by chunk.

/** `{ plugin, add, text }`: plugins for builds to be listened to, and what they have said by then. */
export function moduleList() {
  const files = new Set();
  const add = (path) => {
    const [name] = /node_modules\/.*/.exec(path.replaceAll('\\', '/')) ?? [];
    if (name !== undefined) files.add(name);
  };
  return {
    add,
    plugin: () => ({
      name: 'module-list',
      generateBundle(_, bundle) {
        for (const chunk of Object.values(bundle).filter(({ type }) => type === 'chunk')) {
          // Of a module that was looked at and left out nothing is rendered. Its address may have a query.
          for (const [id, { renderedLength }] of Object.entries(chunk.modules)) {
            if (renderedLength > 0) add(id.replace(/^\0/, '').replace(/\?.*$/, ''));
          }
        }
      },
    }),
    text: () => [...files].sort().map((file) => `${file}\n`).join(''),
  };
}
