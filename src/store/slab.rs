//! Size-class slabs with 32-bit handles.
