//! Tags: TagResource, UntagResource, ListResourceTags.
