import type { Tree, TreePath } from 'copse';
import { hierarchy, tree as tidyTree } from 'd3-hierarchy';

// Which places of a tree are drawn, and where.

/** A node (from 0), or a leaf (below 0: ~leaf), that is drawn. */
export interface Place {
  readonly id: number;
  readonly parent: Place | null;
  /** Whether it is the way of what the node above asks: `x <= threshold`. */
  readonly left: boolean;
  readonly depth: number;
  readonly onPath: boolean;
  /** Nodes and leaves below, drawn or not; 0 of a leaf. */
  readonly below: number;
  /** Left, right; none of a leaf, nor of a node that is folded. */
  readonly children: Place[];
  /** Centre of its upper edge; the root is at 0, 0. */
  x: number;
  y: number;
}

export interface Drawn {
  readonly root: Place;
  /** Row by row, left to right. */
  readonly places: readonly Place[];
  readonly bounds: Bounds;
}

export interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export const card = { width: 184, height: 68 } as const;
const gap = { x: 18, y: 48 } as const;

/** More places than these are not drawn at once, whatever is unfolded. */
export const placesMax = 500;

/** Trees of so few nodes are drawn whole. */
const wholeNodesMax = 7;

/** Nodes of a row's way through the tree, and the leaf at its end. */
export function idsOf(path: TreePath): ReadonlySet<number> {
  return new Set([...path.steps.map((step) => step.node), ~path.leaf]);
}

export function rootOf(tree: Tree): number {
  return tree.nNodes > 0 ? 0 : ~0;
}

/** Left and right of a node. */
export function childrenOf(tree: Tree, id: number): readonly number[] {
  return id < 0 ? [] : [tree.left[id] ?? ~0, tree.right[id] ?? ~0];
}

/** Whether a node shows what is below: those of the way do, unless `folds` says otherwise. */
export function isUnfolded(tree: Tree, path: ReadonlySet<number>, folds: ReadonlyMap<number, boolean>, id: number): boolean {
  return id >= 0 && (folds.get(id) ?? (tree.nNodes <= wholeNodesMax || path.has(id)));
}

/** [nNodes] how many nodes and leaves are below each node. Children have larger numbers. */
export function sizesOf(tree: Tree): Int32Array {
  const sizes = new Int32Array(tree.nNodes);
  const whole = (id: number) => (id < 0 ? 1 : 1 + (sizes[id] ?? 0));
  for (let n = tree.nNodes - 1; n >= 0; --n) {
    sizes[n] = childrenOf(tree, n).reduce((sum, child) => sum + whole(child), 0);
  }
  return sizes;
}

/**
 * The places to draw: the way of the row, and what else is unfolded, level by level, up to `placesMax`.
 * So a tree of any size is drawn at once.
 */
export function draw(tree: Tree, sizes: Int32Array, path: ReadonlySet<number>, folds: ReadonlyMap<number, boolean>): Drawn {
  const place = (id: number, parent: Place | null, left: boolean): Place => ({
    id, parent, left, depth: parent === null ? 0 : parent.depth + 1,
    onPath: path.has(id), below: id < 0 ? 0 : (sizes[id] ?? 0), children: [], x: 0, y: 0,
  });
  const root = place(rootOf(tree), null, false);
  // Room is kept for the whole way.
  let count = 1 + 2 * (path.size - 1);
  const unfold = (at: Place) => {
    if (!isUnfolded(tree, path, folds, at.id) || (!at.onPath && count + 2 > placesMax)) return;
    childrenOf(tree, at.id).forEach((id, i) => at.children.push(place(id, at, i === 0)));
    if (!at.onPath) count += 2;
  };
  let level = [root];
  while (level.length > 0) {
    level.forEach(unfold);
    level = level.flatMap((at) => at.children);
  }
  return arrange(root);
}

/** Source: Reingold and Tilford's tidy trees, by d3-hierarchy. */
function arrange(root: Place): Drawn {
  const arranged = tidyTree<Place>()
    .nodeSize([card.width + gap.x, card.height + gap.y])
    .separation(() => 1)(hierarchy(root));
  const places: Place[] = [];
  arranged.each((node) => {
    node.data.x = node.x;
    node.data.y = node.y;
    places.push(node.data);
  });
  const xs = places.map(({ x }) => x);
  return {
    root,
    places,
    bounds: {
      left: xs.reduce((min, x) => Math.min(min, x), 0) - card.width / 2,
      right: xs.reduce((max, x) => Math.max(max, x), 0) + card.width / 2,
      top: 0,
      bottom: places.reduce((max, { y }) => Math.max(max, y), 0) + card.height + 14,
    },
  };
}

/** All nodes below `id`, unfolded, nearest first and not more than can be drawn. */
export function unfoldedBelow(tree: Tree, id: number): ReadonlyMap<number, boolean> {
  const folds = new Map<number, boolean>();
  let level = [id];
  while (level.length > 0 && folds.size * 2 < placesMax) {
    const nodes = level.filter((at) => at >= 0);
    for (const at of nodes) folds.set(at, true);
    level = nodes.flatMap((at) => childrenOf(tree, at));
  }
  return folds;
}
