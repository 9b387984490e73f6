//! The peers between accept and CONNACK: so many at once, and whom a further one displaces.
//!
//! There is no fixed share for an address: a hall full of devices behind one may connect at once. Only when there are too
//! many is it the address with the most that loses its oldest, so that silent peers of one address shut out nobody else.
//! It does not know sockets nor what a peer has said.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

#[derive(Debug)]
pub(crate) struct HalfOpen {
    max: usize,
    peers: Mutex<Peers>,
}

#[derive(Debug, Default)]
struct Peers {
    /// In the order they came.
    waiting: BTreeMap<u64, (IpAddr, oneshot::Sender<()>)>,
    by_address: HashMap<IpAddr, usize>,
    next: u64,
}

/// A peer's place, until it is dropped or displaced.
#[derive(Debug)]
pub(crate) struct Place {
    half_open: Arc<HalfOpen>,
    number: u64,
    displaced: oneshot::Receiver<()>,
}

impl HalfOpen {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, peers: Mutex::default() })
    }

    /// Gives a newly accepted peer its place, for which another one may be displaced.
    pub(crate) fn enter(self: &Arc<Self>, ip: IpAddr) -> Place {
        let address = network(ip);
        let (displace, displaced) = oneshot::channel();
        let mut peers = self.peers.lock();
        let number = peers.next;
        peers.next += 1;
        peers.waiting.insert(number, (address, displace));
        *peers.by_address.entry(address).or_default() += 1;
        if peers.waiting.len() > self.max
            && let Some(oldest) = peers.oldest_of_the_most()
        {
            peers.remove(oldest);
        }
        drop(peers);
        Place { half_open: Arc::clone(self), number, displaced }
    }
}

impl Peers {
    fn oldest_of_the_most(&self) -> Option<u64> {
        let most = self.by_address.values().max()?;
        let has_the_most = |address: &IpAddr| self.by_address.get(address) == Some(most);
        self.waiting.iter().find_map(|(number, (address, _))| has_the_most(address).then_some(*number))
    }

    /// Dropping its sender tells the peer's task.
    fn remove(&mut self, number: u64) {
        let Some((address, _)) = self.waiting.remove(&number) else { return };
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

impl Place {
    /// Completes when another peer needs the place.
    pub(crate) async fn displaced(&mut self) {
        let _told_by_dropping = (&mut self.displaced).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.half_open.peers.lock().remove(self.number);
    }
}

/// What one party may have many addresses of: of IPv6 the first 64 bits.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn is_displaced(place: &mut Place) -> bool {
        place.displaced().now_or_never().is_some()
    }

    #[test]
    fn silent_peers_of_one_address_displace_themselves() {
        let half_open = HalfOpen::new(4);
        let (bad, good) = (IpAddr::from([10, 0, 0, 66]), IpAddr::from([10, 0, 0, 1]));
        let mut patient = half_open.enter(good);
        let mut silent: Vec<_> = (0..10).map(|_| half_open.enter(bad)).collect();
        let mut late = half_open.enter(good);
        assert!(!is_displaced(&mut patient) && !is_displaced(&mut late));
        let displaced: Vec<_> = silent.iter_mut().map(is_displaced).collect();
        assert_eq!(displaced, [vec![true; 8], vec![false; 2]].concat());
    }

    #[test]
    fn of_many_addresses_the_oldest_peer_goes() {
        let half_open = HalfOpen::new(2);
        let mut places: Vec<_> = (1..=3).map(|last| half_open.enter(IpAddr::from([10, 0, 0, last]))).collect();
        assert_eq!(places.iter_mut().map(is_displaced).collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn a_place_that_is_given_up_is_free() {
        let half_open = HalfOpen::new(1);
        let address = IpAddr::from([10, 0, 0, 1]);
        drop(half_open.enter(address));
        let mut next = half_open.enter(address);
        assert!(!is_displaced(&mut next));
        drop(next);
        let peers = half_open.peers.lock();
        assert!(peers.waiting.is_empty() && peers.by_address.is_empty());
    }

    #[test]
    fn a_subnet_of_ipv6_is_one_party() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
