// The compiled part of Boost.Asio; every other file sees declarations only.
#include <boost/asio/impl/src.hpp>
