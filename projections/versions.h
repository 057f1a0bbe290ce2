// Versions: the folders in which a ledger's rows stand, and which of them counts.
//
// Shape:   `<projections>/<kind>-<id>/v<n>/`; CURRENT beside them names the one that counts
//          (without it: v1). A version is made in a folder of its own and begins to count when
//          CURRENT is replaced by a rename; what does not count may be removed at any time.
// Errors:  kUnavailable: the disk.
// Threads: one at a time for one ledger.
#pragma once

#include <string>

#include "core/base/ids.h"
#include "core/base/result.h"

namespace hansa::projections {

std::string current_version_dir(const std::string& projections_dir, const LedgerId& ledger);

// Of a version's folder: the folder that holds all versions of the ledger.
std::string versions_folder(const std::string& version_dir);
// A folder for the version after the newest; it does not exist yet.
std::string next_version_dir(const std::string& folder);
// From now on, and after a power loss, this version counts.
Result<void> make_current(const std::string& version_dir);
// Removes what a killed rebuild left: every other version, and a CURRENT half written.
void remove_other_versions(const std::string& version_dir);

}  // namespace hansa::projections
