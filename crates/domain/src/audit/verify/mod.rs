pub struct Report; pub struct Class; pub struct Finding; pub fn verify(){}
