// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Names in one word
/// @notice ASCII, padded right with zeros, so that a thing has one spelling and a hash over it cannot be dodged by another.
library ShortName {
    /// @notice A lower-case letter, then up to 30 lower-case letters, digits, hyphens: as the registry's ids.
    function isName(bytes32 text) internal pure returns (bool) {
        if (text[0] < "a" || text[0] > "z" || text[31] != 0) return false;
        bool isEnded = false;
        for (uint256 i = 1; i < 32; ++i) {
            bytes1 letter = text[i];
            bool isAllowed = (letter >= "a" && letter <= "z") || (letter >= "0" && letter <= "9") || letter == "-";
            if (letter == 0) isEnded = true;
            else if (isEnded || !isAllowed) return false;
        }
        return true;
    }

    /// @notice Of a short name: whether it has no hyphen at its end and no two in a row, so that the same letters are told apart in
    /// one way only.
    function isPlain(bytes32 name) internal pure returns (bool) {
        for (uint256 i = 1; i < 32; ++i) {
            if (name[i - 1] == "-" && (name[i] == "-" || name[i] == 0)) return false;
        }
        return true;
    }

    /// @notice One to three upper-case letters and digits: a code of UN/CEFACT Recommendation 20.
    function isUnit(bytes32 text) internal pure returns (bool) {
        if (text[0] == 0) return false;
        bool isEnded = false;
        for (uint256 i = 0; i < 3; ++i) {
            bytes1 letter = text[i];
            bool isAllowed = (letter >= "A" && letter <= "Z") || (letter >= "0" && letter <= "9");
            if (letter == 0) isEnded = true;
            else if (isEnded || !isAllowed) return false;
        }
        return uint256(text) << 24 == 0;
    }

    /// @notice Two upper-case letters, as ISO 3166-1 alpha-2 has them.
    function isEconomy(bytes2 text) internal pure returns (bool) {
        return text[0] >= "A" && text[0] <= "Z" && text[1] >= "A" && text[1] <= "Z";
    }
}
