// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// A contract wallet as they should be: its owner's ECDSA signature counts, whatever stands before it.
contract OwnedPayer {
    address public owner;

    function init(address newOwner) external {
        require(owner == address(0), "init");
        owner = newOwner;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        bytes calldata last = signature[signature.length - 65:];
        address signer = ecrecover(hash, uint8(last[64]), bytes32(last[:32]), bytes32(last[32:64]));
        return signer == owner && signer != address(0) ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}

/// Accepts everything, but only after more gas than anybody should pay.
contract BurningPayer {
    uint256 private sink;

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 sum = sink;
        for (uint256 i = 0; i < 100_000_000; i++) sum ^= uint256(keccak256(abi.encode(sum, i)));
        return sum == 0 ? bytes4(0) : bytes4(0x1626ba7e);
    }
}

/// Returns as much as its gas pays for, and nothing of sense.
contract GarbagePayer {
    fallback() external {
        assembly {
            mstore(0, not(0))
            return(0, 200000)
        }
    }
}

/// Returns the right four bytes with dirt behind them, which no token takes.
contract DirtyPayer {
    fallback() external {
        assembly {
            mstore(0, or(shl(224, 0x1626ba7e), 1))
            return(0, 32)
        }
    }
}

/// Returns the right four bytes and nothing more.
contract ShortPayer {
    fallback() external {
        assembly {
            mstore(0, shl(224, 0x1626ba7e))
            return(0, 4)
        }
    }
}

/// Reverts with the right word.
contract RevertingPayer {
    fallback() external {
        assembly {
            mstore(0, shl(224, 0x1626ba7e))
            revert(0, 32)
        }
    }
}
