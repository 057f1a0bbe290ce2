// Tables of the READMEs, so that a test can walk every cell.
//
// Shape:   read_table(file, first): the table of the file whose first cell reads so; each row a
//          list of cells, the header among them; empty where there is none.
// Threads: any.
#pragma once

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace hansa {

inline std::vector<std::string> table_cells(const std::string& line) {
  std::vector<std::string> cells;
  for (size_t from = 1, bar = line.find('|', 1); bar != std::string::npos;
       from = bar + 1, bar = line.find('|', from)) {
    const std::string cell = line.substr(from, bar - from);
    const size_t begin = cell.find_first_not_of(' ');
    cells.push_back(begin == std::string::npos
                        ? ""
                        : cell.substr(begin, cell.find_last_not_of(' ') - begin + 1));
  }
  return cells;
}

inline std::vector<std::vector<std::string>> read_table(const std::string& path,
                                                        const std::string& first) {
  const char* source = std::getenv("HANSA_SOURCE");
  std::ifstream file(std::string(source == nullptr ? "." : source) + "/" + path);
  std::vector<std::vector<std::string>> table;
  for (std::string line; std::getline(file, line);) {
    if (table.empty() && !line.starts_with("| " + first + " |")) continue;
    if (!line.starts_with('|')) break;
    if (!line.starts_with("|--")) table.push_back(table_cells(line));
  }
  return table;
}

}  // namespace hansa
