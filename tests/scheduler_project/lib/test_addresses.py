"""Which addresses are public, and what an operator may allow besides."""

from __future__ import annotations

import ipaddress

import pytest

from scheduler_project.lib.addresses import Allowed, is_public

NOT_PUBLIC = """\
0.0.0.0 0.0.0.1 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.0.1
169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1
198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::10.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b::808:808
64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:808:808::
3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1"""
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450::1"]


class TestIsPublic:
    @pytest.mark.parametrize("address", NOT_PUBLIC.split())
    def test_refuses_what_leads_inside_or_only_to_another_address(self, address: str) -> None:
        assert not is_public(ipaddress.ip_address(address))

    @pytest.mark.parametrize("address", PUBLIC)
    def test_lets_public_hosts_be_called(self, address: str) -> None:
        assert is_public(ipaddress.ip_address(address))


class TestAllowed:
    def test_finds_a_host_in_any_case_and_with_a_final_dot(self) -> None:
        assert Allowed(["Vendor.internal"]).has_host("vendor.INTERNAL.")

    def test_knows_no_subdomains(self) -> None:
        assert not Allowed(["internal"]).has_host("vendor.internal")

    def test_finds_an_address_in_a_network_and_by_itself(self) -> None:
        allowed = Allowed(["10.1.0.0/16", "192.168.7.7", "fd00::/8"])
        addresses = ["10.1.255.1", "192.168.7.7", "fd12::1", "10.2.0.1", "192.168.7.8"]
        assert [allowed.has_address(ipaddress.ip_address(a)) for a in addresses] == [True, True, True, False, False]

    @pytest.mark.parametrize("entry", ["10.0.0.0/99", "http://vendor", "vendor:80", ".", "", "-1", "a..b"])
    def test_refuses_what_is_neither_a_host_nor_a_network(self, entry: str) -> None:
        with pytest.raises(ValueError, match="neither"):
            Allowed([entry])
