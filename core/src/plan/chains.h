#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/prefetch.h"
#include "plan/leaf_adders.h"

// Walks through trees that do not wait for each other.
//
// A step from a node to its child has a latency of a dozen cycles, more where memory is slow, and
// costs seven instructions: a processor could be in many walks at once. So a *chain* is one walk
// of one row through one tree, and hundreds of chains advance together, a few steps each in turn
// (a *round*), without a branch that could be guessed wrongly. After each round those that have
// arrived drop out, by storing every chain and moving on by 0 or 1: the lanes of the next round
// are full again, however different in length the walks are. A leaf's step leads to itself.
namespace copse::plan {

/// Chains under way. Chain c is one pair of a tree and a row of the block being evaluated.
struct Chains {
  static constexpr std::size_t kMax = 256;
  /// Advanced side by side in registers; the processor overlaps such groups.
  static constexpr std::size_t kGroup = 8;

  std::uint32_t at[kMax + 1];          ///< [chain] the slot where it is, in the end its leaf
  std::uint32_t row[kMax + 1];         ///< [chain] where its row begins in the ranks
  std::uint16_t going[kMax + kGroup];  ///< the chains that have not arrived
};

/// Advances the first `n` chains of `going` by kSteps; returns how many have not arrived. `Nodes`
/// has Step(slot, ranks) and IsEnd(slot).
template <bool kOneRow, class Nodes>
inline std::size_t Round(const Nodes nodes, const std::uint32_t* ranks, Chains& chains,
                         std::size_t n) {
  constexpr std::size_t kGroup = Chains::kGroup;
  // The last group is filled up with one that has arrived and that nobody asks for.
  for (std::size_t i = n; i < n + kGroup; ++i) chains.going[i] = Chains::kMax;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < n; i += kGroup) {
    std::uint32_t chain[kGroup], at[kGroup];
    const std::uint32_t* row[kGroup];
#pragma GCC unroll 16
    for (std::size_t k = 0; k < kGroup; ++k) {
      chain[k] = chains.going[i + k];
      at[k] = chains.at[chain[k]];
      row[k] = kOneRow ? ranks : ranks + chains.row[chain[k]];
    }
// Not unrolled: WebAssembly loses a fifth where so many values are alive in one straight line.
#pragma GCC unroll 1
    for (int step = 0; step < Nodes::kSteps; ++step) {
#pragma GCC unroll 16
      for (std::size_t k = 0; k < kGroup; ++k) at[k] = nodes.Step(at[k], row[k]);
    }
#pragma GCC unroll 16
    for (std::size_t k = 0; k < kGroup; ++k) {
      chains.at[chain[k]] = at[k];
      chains.going[kept] = static_cast<std::uint16_t>(chain[k]);
      kept += nodes.IsEnd(at[k]) ? 0 : 1;
    }
  }
  return kept;
}

/// Walks the chains [0, n), which start at chains.at, to their ends. `any_end` is a slot that is
/// one.
template <bool kOneRow, class Nodes>
[[gnu::noinline]] void WalkToEnds(const Nodes nodes, std::uint32_t any_end,
                                  const std::uint32_t* ranks, Chains& chains, std::size_t n) {
  chains.at[Chains::kMax] = any_end;
  chains.row[Chains::kMax] = 0;
  for (std::size_t i = 0; i < n; ++i) chains.going[i] = static_cast<std::uint16_t>(i);
  while (n > 0) n = Round<kOneRow>(nodes, ranks, chains, n);
}

/// Trees of so many bytes wait for memory: they fill a second-level cache several times.
inline constexpr std::size_t kFarBytes = std::size_t{3} << 20;

/// The same for trees that are far away. A processor looks only some hundred instructions ahead for
/// what it could load already, a few chains; so here all chains go one step in turn, and each asks
/// for the slot it has come to, long before it is its turn again. Half as long as WalkToEnds where
/// slots come from memory, up to half as long again where they are in the cache.
template <bool kOneRow, class Nodes>
[[gnu::noinline]] void WalkFarToEnds(const Nodes nodes, const std::uint32_t* ranks, Chains& chains,
                                     std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    chains.going[i] = static_cast<std::uint16_t>(i);
    Prefetch(nodes.Address(chains.at[i]));
  }
  while (n > 0) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint16_t chain = chains.going[i];
      const std::uint32_t at = chains.at[chain];
      const std::uint32_t next = nodes.Step(at, kOneRow ? ranks : ranks + chains.row[chain]);
      chains.at[chain] = next;
      Prefetch(nodes.Address(next));
      chains.going[kept] = chain;
      kept += nodes.IsEnd(at) ? 0 : 1;
    }
    n = kept;
  }
}

/// Adds trees to the rows of one block, `adding.rows`, whose ranks are in `ranks`, `stride` apart.
/// Trees outside, rows inside: a tree stays in the cache while the rows go through it. Few rows
/// share the chains with more trees at a time.
///
/// `Trees` has Start(tree), Walk<one_row>(ranks, chains, first tree, trees, n, whether these are
/// the first rows that come there) and AddVectors(trees, rows, ends [trees, rows], sums).
template <SumKind kind, class Trees>
void AddBlock(const Trees& trees, const Adding& adding, const std::uint32_t* ranks,
              std::size_t stride) {
  const std::size_t n_rows = adding.rows.n_rows, n_trees = adding.trees.size();
  const auto split = [](std::size_t n, std::size_t max) {  // into parts as equal as can be
    const std::size_t n_parts = (n + max - 1) / max;
    return (n + n_parts - 1) / n_parts;
  };
  const std::size_t rows_each = split(n_rows, Chains::kMax);
  const std::size_t trees_each = split(n_trees, Chains::kMax / rows_each);
  Chains chains;
  for (std::size_t tree = 0; tree < n_trees; tree += trees_each) {
    const std::size_t trees_now = std::min(trees_each, n_trees - tree);
    for (std::size_t row = 0; row < n_rows; row += rows_each) {
      const std::size_t rows_now = std::min(rows_each, n_rows - row);
      if (n_rows == 1) {
        for (std::size_t t = 0; t < trees_now; ++t) chains.at[t] = trees.Start(tree + t);
        trees.template Walk<true>(ranks, chains, tree, trees_now, trees_now, true);
      } else {
        for (std::size_t t = 0, n = 0; t < trees_now; ++t) {
          for (std::size_t r = 0; r < rows_now; ++r, ++n) {
            chains.at[n] = trees.Start(tree + t);
            chains.row[n] = static_cast<std::uint32_t>((row + r) * stride);
          }
        }
        trees.template Walk<false>(ranks, chains, tree, trees_now, trees_now * rows_now, row == 0);
      }
      if constexpr (kind == SumKind::kVector) {
        trees.AddVectors(trees_now, rows_now, chains.at,
                         adding.sums + row * adding.values->n_outputs);
      } else {
        for (std::size_t r = 0; r < rows_now; ++r) {
          RowSum<kind> sum(adding, row + r);
          for (std::size_t t = 0; t < trees_now; ++t) {
            sum.Add(tree + t, chains.at[t * rows_now + r]);
          }
        }
      }
    }
  }
}

}  // namespace copse::plan
