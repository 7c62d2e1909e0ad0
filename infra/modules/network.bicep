// A network of the platform's own: storage and Service Bus have addresses in it and none outside. The API itself stays reachable, and so does the registry.
param location string
param tags object
param suffix string
param storageName string
param hostStorageName string
param busName string

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = { name: storageName }
resource host 'Microsoft.Storage/storageAccounts@2024-01-01' existing = { name: hostStorageName }
resource bus 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = { name: busName }

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: 'vnet-exp-${suffix}'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.0.0.0/16'] }
    subnets: [
      // Flex Consumption and Container Apps each want a subnet that is theirs alone.
      { name: 'functions', properties: { addressPrefix: '10.0.0.0/26', delegations: [{ name: 'functions', properties: { serviceName: 'Microsoft.App/environments' } }] } }
      { name: 'workers', properties: { addressPrefix: '10.0.2.0/23', delegations: [{ name: 'workers', properties: { serviceName: 'Microsoft.App/environments' } }] } }
      { name: 'endpoints', properties: { addressPrefix: '10.0.1.0/27' } }
    ]
  }
}

var targets = [
  { name: 'blob', id: account.id, part: 'blob', zone: 0 }
  { name: 'host-blob', id: host.id, part: 'blob', zone: 0 }
  { name: 'host-queue', id: host.id, part: 'queue', zone: 1 }
  { name: 'bus', id: bus.id, part: 'namespace', zone: 2 }
]

var zoneNames = ['privatelink.blob.${environment().suffixes.storage}', 'privatelink.queue.${environment().suffixes.storage}', 'privatelink.servicebus.windows.net']

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for name in zoneNames: {
  name: name
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (name, i) in zoneNames: {
  parent: zones[i]
  name: 'exp'
  location: 'global'
  tags: tags
  properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
}]

resource endpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [for target in targets: {
  name: 'pe-${target.name}-${suffix}'
  location: location
  tags: tags
  properties: {
    subnet: { id: '${network.id}/subnets/endpoints' }
    #disable-next-line use-resource-id-functions // The rule does not look into a list; these are the ids of the resources above.
    privateLinkServiceConnections: [{ name: target.name, properties: { privateLinkServiceId: target.id, groupIds: [target.part] } }]
  }
}]

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [for (target, i) in targets: {
  parent: endpoints[i]
  name: 'default'
  properties: { privateDnsZoneConfigs: [{ name: target.name, properties: { privateDnsZoneId: zones[target.zone].id } }] }
}]

output functionsSubnet string = '${network.id}/subnets/functions'
output workersSubnet string = '${network.id}/subnets/workers'
