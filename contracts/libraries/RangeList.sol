// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Ranges that never overlap
/// @notice For each key a list of ranges of whole numbers, both ends included, sorted, and no two with a number in common. Whoever
/// adds one says behind which it belongs; that is checked, never searched, so adding costs the same in a list of any length.
/// @dev A place is the start of a range plus one; 0 is the place before all. The start of a range is its name in the list.
library RangeList {
    struct Range {
        bool exists;
        /// Last number of the range; of the place before all it has no meaning.
        uint64 end;
        /// Place of the range after this one; 0 for none. Of 72 bits: one more than the largest start must fit.
        uint72 next;
    }

    struct Ranges {
        mapping(bytes32 key => mapping(uint72 place => Range)) list;
    }

    /// @notice What came of an insertion. Only `Done` changed anything.
    enum Outcome {
        Done,
        Overlaps,
        WrongPlace
    }

    /// @notice Adds a range behind a given one.
    /// @param from first number; not above `to`.
    /// @param to last number.
    /// @param place of the range right before; 0 for none.
    function insert(Ranges storage ranges, bytes32 key, uint64 from, uint64 to, uint64 place) internal returns (Outcome) {
        mapping(uint72 => Range) storage list = ranges.list[key];
        Range memory before = list[place];
        if (place != 0) {
            // The start of the range before is place - 1.
            if (!before.exists || place > from) {
                return list[_placeOf(from)].exists ? Outcome.Overlaps : Outcome.WrongPlace;
            }
            if (before.end >= from) return Outcome.Overlaps;
        }
        if (before.next != 0) {
            uint256 nextStart = before.next - 1;
            if (nextStart <= to) {
                // One that ends before this begins only shows that the place is out of date.
                return list[before.next].end >= from ? Outcome.Overlaps : Outcome.WrongPlace;
            }
        }
        uint72 here = _placeOf(from);
        list[here] = Range({exists: true, end: to, next: before.next});
        list[place].next = here;
        return Outcome.Done;
    }

    /// @notice Looks for the place behind which a range that starts at `from` belongs, at most `steps` ranges on.
    /// @param place where to begin; begins before all where no range is there, or one that starts later.
    /// @return found the place, or as far as the steps led.
    /// @return isFound whether it is the place.
    function find(Ranges storage ranges, bytes32 key, uint64 from, uint64 place, uint256 steps)
        internal
        view
        returns (uint64 found, bool isFound)
    {
        mapping(uint72 => Range) storage list = ranges.list[key];
        found = place > from || !list[place].exists ? 0 : place;
        for (uint256 i = 0; i < steps; ++i) {
            uint72 next = list[found].next;
            // A range that starts at `from` itself is no place for it: it overlaps, wherever it were put.
            if (next == 0 || next > from) return (found, true);
            // next - 1 < from, so it fits.
            found = uint64(next);
        }
        return (found, false);
    }

    function _placeOf(uint64 start) private pure returns (uint72) {
        return uint72(start) + 1;
    }
}
